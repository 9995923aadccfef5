// `deploy`: from a folder to an edge on Cloudflare. Each step can be repeated.

import { readConfiguration, readSecrets, readSettings, runWrangler, writeSettings } from './project.js';

/** The id of a database that is not created yet. */
const NO_DATABASE = '00000000-0000-0000-0000-000000000000';

export async function deploy({ 'dry-run': isDry }) {
  const configuration = JSON.stringify(await readConfiguration());
  const secrets = await readSecrets();
  const settings = await readSettings();
  const hasDatabase = settings.d1_databases[0].database_id !== NO_DATABASE;
  const steps = [
    [hasDatabase ? undefined : 'create the database of the ledger', () => createDatabase(settings)],
    ['create its tables', () => runWrangler(['d1', 'migrations', 'apply', 'failsoft', '--remote'])],
    ['deploy the Worker', () => runWrangler(['deploy'])],
    ['store the configuration', () => runWrangler(['secret', 'put', 'FAILSOFT'], { input: configuration })],
    ...Object.entries(secrets).map(([name, value]) => [`store ${name}`, () => runWrangler(['secret', 'put', name], { input: value })]),
  ].filter(([name]) => name);
  if (!secrets.UPSTREAM_API_KEY) steps.push(['ask for UPSTREAM_API_KEY, and store it', () => runWrangler(['secret', 'put', 'UPSTREAM_API_KEY'])]);
  for (const [at, [name, run]] of steps.entries()) {
    console.log(`${at + 1} of ${steps.length}: ${name}`);
    if (!isDry) await run();
  }
  if (isDry) await runWrangler(['deploy', '--dry-run', '--outdir=.failsoft/deploy']);
}

/** Creates the database, and writes its id into wrangler.json. */
async function createDatabase(settings) {
  const printed = await runWrangler(['d1', 'create', 'failsoft'], { reads: true });
  const id = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(printed)?.[0];
  if (!id) throw new Error('wrangler d1 create printed no id; put the id of the database into wrangler.json');
  settings.d1_databases[0].database_id = id;
  await writeSettings(settings);
}
