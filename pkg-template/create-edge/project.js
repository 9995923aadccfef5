// The files of an edge.

import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, isAbsolute, join, relative, resolve } from 'node:path';

/** The APIs that have a name: their part of the configuration, and usual models. */
export const UPSTREAMS = {
  openrouter: { configuration: {}, models: ['anthropic/claude-opus-4.7', 'openai/gpt-4o', 'openai/gpt-4o-mini'] },
  openai: { configuration: { upstream: { url: 'https://api.openai.com/v1' } }, models: ['gpt-4o', 'gpt-4o-mini'] },
  anthropic: { configuration: { upstream: { url: 'https://api.anthropic.com/v1', dialect: 'anthropic' } }, models: ['claude-opus-4-7', 'claude-haiku-4-5'] },
};

/** Writes the folder; gives the next steps for its owner. */
export function writeProject(folder, { upstream, models, origins, edge }) {
  const path = resolve(folder);
  if (existsSync(path) && readdirSync(path).length > 0) throw new Error(`${folder} is not empty`);
  const key = `fs_${randomBytes(24).toString('base64url')}`;
  const files = {
    'package.json': manifest(basename(path), edge, path),
    'failsoft.json': configuration({ upstream, models: listOf(models), origins: listOf(origins), key }),
  };
  mkdirSync(path, { recursive: true });
  for (const [name, value] of Object.entries(files)) writeFileSync(join(path, name), `${JSON.stringify(value, null, 2)}\n`);
  writeFileSync(join(path, '.gitignore'), 'node_modules/\n.dev.vars\n.failsoft/\n.wrangler/\n');
  writeFileSync(join(path, '.dev.vars'), '# The key of your upstream. While it is empty, `npm run dev` uses an emulator.\nUPSTREAM_API_KEY=\n', { mode: 0o600 });
  return instructions(folder, key);
}

const listOf = (text) => text.split(',').map((item) => item.trim()).filter(Boolean);

function manifest(name, edge, path) {
  const isFile = /\.tgz$/.test(edge);
  const file = isFile && `file:${isAbsolute(edge) ? edge : relative(path, resolve(edge))}`;
  return {
    name,
    private: true,
    type: 'module',
    scripts: { dev: 'failsoft-edge dev', serve: 'failsoft-edge serve', deploy: 'failsoft-edge deploy' },
    dependencies: { 'failsoft-edge': file || edge, wrangler: '^4.90.0' },
  };
}

function configuration({ upstream, models, origins, key }) {
  const { configuration: named } = UPSTREAMS[upstream] ?? { configuration: { upstream: { url: urlOf(upstream) } } };
  if (models.length === 0) throw new Error('name at least one model');
  for (const origin of origins) if (!URL.canParse(origin) || new URL(origin).origin !== origin) throw new Error(`${origin} is no origin, such as https://app.example.com`);
  return {
    $schema: './node_modules/failsoft-edge/failsoft.schema.json',
    ...named,
    keys: [{ name: 'app', sha256: createHash('sha256').update(key).digest('hex'), budget: { requests: { minute: 60 } } }],
    ...(origins.length > 0 && { origins }),
    routes: { chat: { models } },
  };
}

function urlOf(upstream) {
  if (!URL.canParse(upstream)) throw new Error(`${upstream} is neither ${Object.keys(UPSTREAMS).join(', ')} nor a URL`);
  return upstream;
}

const instructions = (folder, key) => `The client key of the edge is ${key}
It is shown this once: failsoft.json has only its SHA-256.

  cd ${folder}
  npm install
  npm run dev

Then, in another terminal:

  curl http://127.0.0.1:8787/v1/chat/completions -H 'content-type: application/json' \\
    -H 'authorization: Bearer ${key}' \\
    -d '{"model": "route/chat", "messages": [{"role": "user", "content": "Hello!"}]}'

Put your upstream's key into .dev.vars, and deploy with npm run deploy.`;
