// `cargo xtask live`: checks whether the API behaves as this project assumes. Takes the API's URL as an argument and its key
// in UPSTREAM_API_KEY. Prints a row for each assumption. Exits with 1 if one is wrong, and with 2 if no check was possible.

import { Unknown, connect } from './api.mjs';
import { experiment } from './experiments.mjs';
import { ASSUMPTIONS, verdictOf } from './assumptions.mjs';
import { choose } from './models.mjs';

/** In USD. */
const BOUND = 0.01;

process.exitCode = await main(process.argv[2], process.env.UPSTREAM_API_KEY);

async function main(url, key) {
  if (!url || !key) return refuse('needs a URL as an argument and its key in UPSTREAM_API_KEY: `cargo xtask live` passes both');
  const api = connect(url, key, BOUND);
  const models = await prepare(api);
  if (models.problem) return refuse(models.problem);
  const see = await experiment(api, models);
  const counts = { holds: 0, differs: 0, unknown: 0 };
  for (const [assumption, check] of ASSUMPTIONS) {
    const { verdict, text } = verdictOf(check, see, models);
    counts[verdict] += 1;
    // The text quotes the API, and the API knows the key.
    console.log(`${assumption} … ${text.replaceAll(key, '[key]')}`);
  }
  const { holds, differs, unknown } = counts;
  console.log(`${holds} hold, ${differs} differ, ${unknown} are unknown; spent $${api.spent().toFixed(6)} of at most $${BOUND}`);
  return differs === 0 ? 0 : 1;
}

/** The models for the requests, or the problem that prevents all checks. */
async function prepare(api) {
  try {
    const { status: keyStatus } = await api.get('key');
    if (keyStatus !== 200) return { problem: `GET key was answered with ${keyStatus}` };
    const { status, body } = await api.get('models');
    return choose(body?.data ?? []) ?? { problem: `GET models (${status}) lists no cheap models to ask` };
  } catch (error) {
    if (error instanceof Unknown) return { problem: error.message };
    throw error;
  }
}

function refuse(why) {
  console.error(`live: ${why}`);
  return 2;
}
