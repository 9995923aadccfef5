// The JSON Schemas of failsoft.json and of the policy: what editors say about a configuration is what the edge says.
// `startEdge` holds every configuration of the other tests to the schema, too.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { ROOT } from '../support/process.mjs';
import { POLICY_SCHEMA, SCHEMA, policyErrors, schemaErrors } from '../support/schema.mjs';

const fixture = (name) => JSON.parse(readFileSync(join(ROOT, 'tests/fixtures/configuration', name), 'utf8'));

test('the schema accepts the configurations that the edge accepts', () => {
  for (const configuration of fixture('accepted.json')) assert.deepEqual(schemaErrors(configuration), [], JSON.stringify(configuration));
});

test('the accepted examples use every field of the schemas', () => {
  const used = new Set(namesIn(fixture('accepted.json')));
  const described = [SCHEMA, POLICY_SCHEMA].flatMap(fieldsOf);
  assert.ok(described.length > 80, String(described.length));
  assert.deepEqual(described.filter((name) => !used.has(name)), []);
});

test('the schema refuses the configurations that the edge refuses, as far as a schema can', () => {
  for (const { configuration, problem, beyondSchema } of fixture('refused.json')) {
    const errors = schemaErrors(configuration);
    assert.equal(errors.length === 0, beyondSchema !== undefined, `${problem}: ${JSON.stringify(configuration)} ${errors.join('; ')}`);
  }
});

test('the examples in the documentation match the schemas', () => {
  const docs = join(ROOT, 'www/docs');
  const files = ['README.md', ...readdirSync(docs).filter((name) => name.endsWith('.md')).map((name) => `www/docs/${name}`)];
  const found = { 'failsoft.json': 0, policy: 0 };
  for (const file of files) {
    for (const [, label, text] of readFileSync(join(ROOT, file), 'utf8').matchAll(/^ *```json (failsoft\.json|policy)\n(.*?)^ *```/gms)) {
      found[label] += 1;
      // A placeholder such as "<the digest>" stands for a digest.
      const value = JSON.parse(text.replaceAll(/"<[^"]*>"/g, JSON.stringify('0'.repeat(64))));
      assert.deepEqual(label === 'policy' ? policyErrors(value) : schemaErrors(value), [], `${file}: ${text}`);
    }
  }
  assert.ok(found['failsoft.json'] > 5 && found.policy > 0, JSON.stringify(found));
});

/** The names of all fields in `value` and below. */
function namesIn(value) {
  if (value === null || typeof value !== 'object') return [];
  return [...(Array.isArray(value) ? [] : Object.keys(value)), ...Object.values(value).flatMap(namesIn)];
}

/** The names of all fields that `schema` describes. */
function fieldsOf(schema) {
  if (schema === null || typeof schema !== 'object') return [];
  const below = Object.entries(schema).flatMap(([word, value]) => (word === 'properties' ? Object.values(value).flatMap(fieldsOf) : fieldsOf(value)));
  return [...Object.keys(schema.properties ?? {}), ...below];
}
