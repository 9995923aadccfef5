// The files of the folder in which a command runs, and wrangler.

import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const SETTINGS = 'wrangler.json';

/** The configuration of the edge, as failsoft.json has it. */
export async function readConfiguration() {
  const text = await readFile('failsoft.json', 'utf8').catch(() => {
    throw new Error('there is no failsoft.json here; `npm create failsoft-edge` makes a folder with one');
  });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`failsoft.json is not JSON: ${error.message}`);
  }
}

/** The settings for wrangler, as wrangler.json has them. The first command makes this file, and the owner may change it. */
export async function readSettings() {
  const own = await readFile(SETTINGS, 'utf8').catch(() => undefined);
  if (own) return JSON.parse(own);
  const settings = JSON.parse(await readFile(new URL(SETTINGS, import.meta.url), 'utf8'));
  const { name } = JSON.parse(await readFile('package.json', 'utf8'));
  return writeSettings({ ...settings, ...(name && { name }) });
}

/** Writes the settings for wrangler, and gives them back. */
export async function writeSettings(settings) {
  await writeFile(SETTINGS, `${JSON.stringify(settings, null, 2)}\n`);
  return settings;
}

/** The secrets of .dev.vars, and those of the environment, which come first. */
export async function readSecrets() {
  const text = await readFile('.dev.vars', 'utf8').catch(() => '');
  const lines = text.split('\n').map((line) => /^\s*([A-Z][A-Z0-9_]*)\s*=\s*(.*?)\s*$/.exec(line)).filter(Boolean);
  const given = lines.map(([, name, value]) => [name, value.replace(/^(['"`])(.*)\1$/, '$2')]);
  const named = given.map(([name, value]) => [name, process.env[name] ?? value]);
  if (process.env.UPSTREAM_API_KEY) named.push(['UPSTREAM_API_KEY', process.env.UPSTREAM_API_KEY]);
  return Object.fromEntries(named.filter(([, value]) => value !== ''));
}

/** Variables in wrangler's format. In quotes, only `$` has a meaning. */
export function toDotenv(variables) {
  return Object.entries(variables).map(([name, value]) => {
    const quote = ["'", '`'].find((mark) => !value.includes(mark));
    if (!quote || /[\r\n\0]/.test(value)) throw new Error(`${name} must be one line, with one kind of quotation mark besides " at most`);
    return `${name}=${quote}${value.replaceAll('$', '\\$')}${quote}\n`;
  }).join('');
}

/** The program wrangler, as this folder has it installed. */
export function wrangler() {
  const require = createRequire(join(process.cwd(), 'package.json'));
  try {
    const manifest = require.resolve('wrangler/package.json');
    return join(manifest, '..', require(manifest).bin.wrangler);
  } catch {
    throw new Error('wrangler is not installed here: npm install --save-dev wrangler');
  }
}

/** Runs wrangler to its end, with `input` on its standard input; gives what it printed, if `reads`. `quiet` prints only what fails. */
export async function runWrangler(args, { input, quiet = false, reads = quiet, env = {} } = {}) {
  const stdio = [input === undefined ? 'inherit' : 'pipe', reads ? 'pipe' : 'inherit', 'inherit'];
  const child = spawn(process.execPath, [wrangler(), ...args], { stdio, env: { ...process.env, ...env } });
  if (input !== undefined) child.stdin.end(input);
  let printed = '';
  child.stdout?.on('data', (data) => {
    printed += data;
    if (!quiet) process.stdout.write(data);
  });
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0 && quiet) process.stdout.write(printed);
  if (code !== 0) throw new Error(`wrangler ${args.slice(0, 3).join(' ')} ended with ${code}`);
  return printed;
}
