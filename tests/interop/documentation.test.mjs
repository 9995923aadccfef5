// The documentation and the code agree: paths, modules, fields, defaults and ranges.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { documents } from '../support/markdown.mjs';
import { ROOT } from '../support/process.mjs';
import { POLICY_SCHEMA, SCHEMA } from '../support/schema.mjs';

/** Paths that are no files of the repository: what is built, or what the reader creates. */
const MADE = /^(worker\/build\/?|worker\/\.dev\.vars)$/;

/** Defaults that the documentation explains in other words than the schema. */
const EXPLAINED = ['visitors.siteverify'];

const page = (name) => readFile(join(ROOT, `www/docs/${name}.md`), 'utf8');

test('every path that the documentation names exists', async () => {
  const path = /^(?:src|worker|tests|xtask|www|pkg-template|\.ci)\/[\w./-]*$/;
  const missing = (await documents()).flatMap(({ path: document, text }) => {
    const words = text.match(/`[^`\n]+`/g).flatMap((code) => code.slice(1, -1).split(' '));
    return words.filter((word) => path.test(word) && !MADE.test(word) && !existsSync(join(ROOT, word))).map((word) => `${document}: ${word}`);
  });
  assert.deepEqual(missing, []);
});

test('the maps of both crates name every module', async () => {
  const architecture = await page('architecture');
  const modules = async (crate, isModule) => (await readdir(join(ROOT, crate), { withFileTypes: true })).filter(isModule).map(({ name }) => name);
  const files = await modules('src', (entry) => entry.name.endsWith('.rs'));
  const folders = await modules('worker/src', (entry) => entry.isDirectory());
  const expected = [...files, ...folders.map((name) => `${name}/`)];
  assert.deepEqual(expected.filter((name) => !architecture.includes(`\`${name}\``)), []);
});

/** The titles of the tests in a file of `folder`. A title with values in it is a pattern. */
async function titlesIn(folder, file) {
  const source = await readFile(join(ROOT, folder, file), 'utf8');
  const literal = /\btest\(\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`)/g;
  return [...source.matchAll(literal)].map(([, text]) => {
    const isPattern = text.startsWith('`');
    const parts = isPattern ? text.slice(1, -1).split(/\$\{(?:[^{}]|\{[^{}]*\})*\}/) : [text.slice(1, -1)];
    const escaped = parts.map((part) => part.replaceAll(/\\(.)/g, '$1').replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${escaped.join('.+')}$`);
  });
}

test('every test that SECURITY.md names exists with this title', async () => {
  const text = await readFile(join(ROOT, 'SECURITY.md'), 'utf8');
  const files = [...text.matchAll(/`(tests\/\w+(?=\/))?\/?([\w-]+\.test\.mjs)`((?:[:,] "[^"]+")+)/g)];
  // A file without a title, or a title without a file, would be no test.
  assert.equal(files.length, [...text.matchAll(/[\w-]+\.test\.mjs/g)].length);
  const named = files.flatMap(([, folder = 'tests/edge', file, titles]) => [...titles.matchAll(/"([^"]+)"/g)].map(([, title]) => [folder, file, title]));
  assert.ok(named.length > 80, String(named.length));
  const missing = [];
  for (const [folder, file, title] of named) if (!(await titlesIn(folder, file)).some((pattern) => pattern.test(title))) missing.push(`${folder}/${file}: ${title}`);
  assert.deepEqual(missing, []);
  const sources = [];
  for (const folder of ['src', 'worker/src', 'xtask/src']) {
    for (const name of await readdir(join(ROOT, folder), { recursive: true })) if (name.endsWith('.rs')) sources.push(await readFile(join(ROOT, folder, name), 'utf8'));
  }
  const functions = [...text.matchAll(/`([a-z0-9]+(?:_[a-z0-9]+){3,})`/g)].map(([, name]) => name);
  assert.ok(functions.length >= 8, String(functions));
  assert.deepEqual(functions.filter((name) => !sources.some((source) => source.includes(`fn ${name}()`))), []);
});

test('SECURITY.md has a test in every row of its tables of attacks and boundaries, and each of the eleven findings', async () => {
  const text = await readFile(join(ROOT, 'SECURITY.md'), 'utf8');
  const rows = text.split('\n').filter((line) => line.startsWith('| ') && line.split(' | ').length >= 3);
  const heads = rows.filter((row) => row.endsWith('| test |'));
  assert.equal(heads.length, 2);
  const tables = heads.map((head) => text.slice(text.indexOf(head) + head.length).split('\n\n')[0].split('\n').slice(2));
  for (const row of tables.flat()) assert.match(row.split(' | ').at(-1), /\.test\.mjs`: "|`cargo /, row);
  for (let finding = 1; finding <= 11; finding += 1) assert.ok(tables[1].some((row) => row.startsWith(`| **${finding}. `)), `finding ${finding}`);
});

/** The names of all fields that a JSON Schema describes. */
function fieldsOf(schema) {
  if (schema === null || typeof schema !== 'object') return [];
  const names = schema.properties && !Array.isArray(schema.properties) ? Object.keys(schema.properties) : [];
  return [...names, ...Object.values(schema).flatMap(fieldsOf)];
}

for (const [name, schema, pages] of [['failsoft', SCHEMA, ['configuration', 'budgets']], ['policy', POLICY_SCHEMA, ['failures']]]) {
  test(`the documentation describes every field of ${name}.schema.json`, async () => {
    const fields = fieldsOf(schema);
    const texts = await Promise.all(pages.map(page));
    const named = new Set(texts.join('').match(/`[^`\n]+`/g).flatMap((code) => code.match(/[$\w]+/g) ?? []));
    assert.ok(fields.length > 20);
    assert.deepEqual([...new Set(fields)].filter((field) => !named.has(field)), []);
  });
}

/** What `schema` says about the field at `path`, such as `routes.NAME.lane` or `keys[].name`; undefined for no field. */
function find(schema, path) {
  const resolve = ({ $ref, ...own }) => ($ref?.startsWith('#') ? { ...resolve($ref.slice(2).split('/').reduce((at, key) => at[key], schema)), ...own } : own);
  return path.split('.').reduce((at, step) => {
    const [name, isList] = [step.replace('[]', ''), step.endsWith('[]')];
    const field = at?.properties?.[name] ?? at?.anyOf?.find(({ properties }) => properties)?.properties[name] ?? (name === 'NAME' ? at?.additionalProperties : undefined);
    return field && resolve(isList ? resolve(field).items : field);
  }, schema);
}

/** The rows of the tables whose last column is a default: the fields, their meaning and the cells of their defaults. */
function rowsWithDefaults(markdown) {
  const tables = markdown.match(/(?:^\|.*\n)+/gm).map((table) => table.trim().split('\n').map((row) => row.slice(1, -1).split(' | ').map((cell) => cell.trim())));
  const withDefaults = tables.filter(([head]) => /^default/.test(head.at(-1)));
  return withDefaults.flatMap(([, , ...rows]) => rows).map(([fields, meaning, defaults]) => {
    const names = fields.match(/`[^`]+`/g).map((name) => name.slice(1, -1));
    return { names, meaning, defaults: names.length > 1 ? defaults.split(', ') : [defaults] };
  });
}

const written = (value) => (typeof value === 'number' ? value.toLocaleString('en') : `\`${value}\``);
const isScalar = (value) => ['string', 'number', 'boolean'].includes(typeof value);

for (const [name, schema, least] of [['failures', POLICY_SCHEMA, 25], ['configuration', SCHEMA, 15]]) {
  test(`the defaults and the highest values on the page ${name} are those of the schema`, async () => {
    let checked = 0;
    for (const { names, meaning, defaults } of rowsWithDefaults(await page(name))) {
      for (const [at, path] of names.entries()) {
        const field = find(schema, path);
        if (isScalar(field?.default) && !EXPLAINED.includes(path)) {
          assert.equal(defaults[at], written(field.default), `the default of ${path}`);
          checked += 1;
        }
        const highest = /\b(?:up|\d) to ([\d,]+)/.exec(meaning)?.[1];
        if (highest) assert.equal(highest, field.maximum?.toLocaleString('en'), `the highest value of ${path}`);
      }
    }
    assert.ok(checked >= least, `only ${checked} defaults`);
  });
}
