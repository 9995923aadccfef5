// A change of the package's API is seen in a review: its report is committed, and must be that of the type declarations.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { REPORT, describe, report } from '../api/report.mjs';

test('the report of the JavaScript API is that of the types', async () => {
  assert.ok((await readFile(REPORT, 'utf8')) === (await report()), 'a change of the API: cargo xtask api --write, and a line in CHANGELOG.md');
});

test('another comment, form or order is no change of the API, and another type is one', () => {
  const one = describe('x.d.ts', '/** One. */\nexport type A = 1;\nexport interface B {\n  /** Its c. */\n  c?: string;\n}\n');
  assert.equal(describe('x.d.ts', 'export interface B { c?: string }\nexport type A   =   1;'), one);
  assert.notEqual(describe('x.d.ts', 'export interface B { c: string }\nexport type A = 1;'), one);
});
