#!/usr/bin/env node
// The commands of a folder that `npm create failsoft-edge` made: dev, serve and deploy.

import { parseArgs } from 'node:util';

import { deploy } from './deploy.js';
import { serve } from './serve.js';

const HELP = `failsoft-edge COMMAND

  dev      runs the edge on this machine, for a try: without UPSTREAM_API_KEY against an emulator, at no cost
  serve    runs the edge on this machine for good: what it stores is kept, and its scheduler runs every 5 minutes
  deploy   creates the database, stores the configuration and the key as secrets, and deploys to Cloudflare

  --port N          the port of dev and serve; 8787 by default
  --host ADDRESS    where dev and serve listen; 127.0.0.1 by default. Elsewhere, put a proxy with TLS in front that
                    refuses paths below /cdn-cgi/ and writes the client's address into CF-Connecting-IP, and set
                    trustProxy
  --data DIR        where dev and serve store everything; .failsoft by default
  --dry-run         deploy: prints what would be done, and builds without uploading

The commands read failsoft.json and wrangler.json of this folder, and the key in UPSTREAM_API_KEY or .dev.vars.`;

const options = {
  port: { type: 'string', default: '8787' },
  host: { type: 'string', default: '127.0.0.1' },
  data: { type: 'string', default: '.failsoft' },
  'dry-run': { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
};

try {
  const { values, positionals: [command] } = parseArgs({ options, allowPositionals: true });
  const run = { dev: () => serve({ ...values, emulates: true }), serve: () => serve(values), deploy: () => deploy(values) }[command];
  if (values.help || !run) console.log(HELP);
  else await run();
  if (!run && !values.help) process.exitCode = 2;
} catch (error) {
  console.error(`failsoft-edge: ${error.message}`);
  process.exitCode = 1;
}
