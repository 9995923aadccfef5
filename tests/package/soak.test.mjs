// Long streams read through every exported form in the Node that runs the tests.

import { checkNode } from './soak.checks.mjs';

checkNode(`Node ${process.version}`, process.execPath, Number.parseInt(process.versions.node) <= 22);
