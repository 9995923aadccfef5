// `cargo xtask live`: whether the API is on the wire what this project takes it for. Takes the API's URL, and its key in
// UPSTREAM_API_KEY; prints a row for each fact. Ends with 1 if one differs, with 2 if nothing could be tried.

import { Untold, connect } from './api.mjs';
import { experiment } from './experiments.mjs';
import { FACTS, judged } from './facts.mjs';
import { choose } from './models.mjs';

/** USD. */
const BOUND = 0.01;

process.exitCode = await main(process.argv[2], process.env.UPSTREAM_API_KEY);

async function main(url, key) {
  if (!url || !key) return refuse('needs a URL, and its key in UPSTREAM_API_KEY: cargo xtask live gives both');
  const api = connect(url, key, BOUND);
  const models = await prepare(api);
  if (models.problem) return refuse(models.problem);
  const see = await experiment(api, models);
  const counts = { holds: 0, differs: 0, untold: 0 };
  for (const [fact, judge] of FACTS) {
    const { verdict, text } = judged(judge, see, models);
    counts[verdict] += 1;
    // What the API says is quoted, and it may have been told the key.
    console.log(`${fact} … ${text.replaceAll(key, '[key]')}`);
  }
  const { holds, differs, untold } = counts;
  console.log(`${holds} hold, ${differs} differ, ${untold} could not be told; spent $${api.spent().toFixed(6)} of at most $${BOUND}`);
  return differs === 0 ? 0 : 1;
}

/** The models to ask, or the problem that leaves nothing to try. */
async function prepare(api) {
  try {
    const { status: admitted } = await api.get('key');
    if (admitted !== 200) return { problem: `GET key was answered with ${admitted}` };
    const { status, body } = await api.get('models');
    return choose(body?.data ?? []) ?? { problem: `GET models (${status}) lists no cheap models to ask` };
  } catch (error) {
    if (error instanceof Untold) return { problem: error.message };
    throw error;
  }
}

function refuse(why) {
  console.error(`live: ${why}`);
  return 2;
}
