// A Worker of a test in bare workerd, which may call loopback.

import { copyFile, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startWorkerd } from './edge.mjs';

/** Starts the Worker `source`. `files` are the modules that it imports: their names, and the paths of their files. */
export async function startModules(source, files) {
  const folder = await mkdtemp(join(tmpdir(), 'failsoft-workerd-'));
  const modules = [['worker.js', 'worker.js']];
  await writeFile(join(folder, 'worker.js'), source);
  for (const [name, path] of Object.entries(files)) {
    const [file] = name.split('?');
    await copyFile(path, join(folder, file));
    modules.push([name, file]);
  }
  await writeFile(join(folder, 'config.capnp'), configure(modules));
  return startWorkerd(['serve', join(folder, 'config.capnp')], {}, ['http'], folder);
}

const configure = (modules) => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "worker", worker = .worker), (name = "network", network = (allow = ["private"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);
const worker :Workerd.Worker = (
  modules = [${modules.map(([name, file]) => `(name = "${name}", ${file.endsWith('.wasm') ? 'wasm' : 'esModule'} = embed "${file}")`).join(', ')}],
  compatibilityDate = "2026-01-01",
  globalOutbound = "network",
);
`;
