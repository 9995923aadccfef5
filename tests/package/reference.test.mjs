// Every option is described whole in the type declarations, and the page of the documentation says the same.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { compile, examplesAsProgram, groupsOf, lacking, readGroups } from '../reference/declarations.mjs';
import { PAGE, replacePart } from '../reference/page.mjs';

const groups = await readGroups();

test('every option has a description, its default, its range, its errors and an example', () => {
  const missing = groups.flatMap((group) => group.options.flatMap((option) => lacking(option, group).map((what) => `${group.name}.${option.path.join('.')}: ${what}`)));
  assert.deepEqual(missing, []);
  assert.ok(groups.flatMap(({ options }) => options).length > 120);
});

test('an option without one of them is noticed', () => {
  const [group] = groupsOf('x', '/** Those. @throws {Error} for x */\nexport interface XOptions {\n/** A number of things. @default 1 */\nmany?: number;\n}');
  assert.deepEqual(lacking(group.options[0], group), ['an @example', 'its range']);
});

test('every example has the type of its option', () => {
  assert.deepEqual(compile(examplesAsProgram(groups)), []);
});

test('an example of another type is noticed', () => {
  const wrong = groups.map((group) => ({ ...group, options: group.options.filter(({ path }) => path.join('.') === 'timeouts.idle').map((option) => ({ ...option, example: "'20 s'" })) }));
  assert.match(compile(examplesAsProgram(wrong)).join('\n'), /'string' does not satisfy/);
});

test('the page of options is what the types say', async () => {
  const page = await readFile(PAGE, 'utf8');
  assert.ok(page === replacePart(page, groups), 'www/docs/options.md: cargo xtask reference --write');
});
