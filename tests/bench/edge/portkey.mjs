// Portkey's gateway as a Worker. Its package is built for Node: an application for any runtime, and code that starts a
// server. That code is removed here, so that what remains is what the project deploys to Workers.

import { readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ENTRY = fileURLToPath(new URL('../node_modules/@portkey-ai/gateway/build/start-server.js', import.meta.url));
/** Matches the last route, which reveals the name of the application, up to the code that starts a server. */
const START = /([\w$]+)\.delete\("\/v1\/\*",[^;]*;const [\w$]+=process\.argv\.slice\(2\)[^]*$/;

const withoutServer = {
  name: 'without server',
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /start-server\.js$/ }, async () => {
      const source = await readFile(ENTRY, 'utf8');
      const [end, app] = START.exec(source) ?? [];
      if (!app) throw new Error('the gateway ends in another way than the pinned version');
      const routes = end.slice(0, end.indexOf(';const') + 1);
      return { contents: `${source.slice(0, -end.length)}${routes}export default ${app};` };
    });
    onResolve({ filter: /^[a-z_/]+$/ }, ({ path }) => (builtinModules.includes(path) ? { path: `node:${path}`, external: true } : null));
    // Only the server imports these packages.
    onResolve({ filter: /^(@hono\/node-(server|ws)|ws)$/ }, ({ path }) => ({ path, namespace: 'nothing' }));
    onLoad({ filter: /./, namespace: 'nothing' }, () => ({ contents: 'export const serve = null, createNodeWebSocket = null; export default null;' }));
  },
};

/** The module of the Worker. */
export async function portkey() {
  const { outputFiles } = await build({
    entryPoints: [ENTRY],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    conditions: ['workerd', 'worker', 'browser'],
    banner: { js: `import { createRequire } from 'node:module'; const require = createRequire('/');` },
    write: false,
    logLevel: 'error',
    external: ['node:*'],
    plugins: [withoutServer],
  });
  return outputFiles[0].text;
}
