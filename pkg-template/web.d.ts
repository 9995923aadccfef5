/// <reference lib="es2022" />
/// <reference lib="esnext.disposable" />

export {};

// A program without the types of a browser, of Node.js or of a worker has none of these names. Elsewhere, the empty
// interfaces change nothing.
declare global {
  interface AbortSignal {}
  interface Headers {}
  interface ReadableStream<R = any> {}
  interface Response {}
}

/** Headers of HTTP: an object, pairs, or the web's `Headers`. */
export type HeadersOf = Headers | Readonly<Record<string, string>> | readonly (readonly [string, string])[];

/** What this package passes to a `fetch` as its second argument. */
export interface FetchInit {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  signal?: AbortSignal;
}

/** The type of the global `fetch` of this program. */
export type Fetch = typeof globalThis extends { fetch: infer Found } ? Found : (input: any, init?: any) => Promise<Response>;
