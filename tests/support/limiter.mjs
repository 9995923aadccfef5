// Cloudflare's rate limiting, as a binding of a test: so many events for each key, and no new period ever begins.

export default function limiter({ limit }) {
  const seen = new Map();
  return {
    async limit({ key }) {
      seen.set(key, (seen.get(key) ?? 0) + 1);
      return { success: seen.get(key) <= limit };
    },
  };
}
