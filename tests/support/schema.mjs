// The JSON Schema of failsoft.json, as an editor applies it.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import Ajv from 'ajv/dist/2020.js';

import { ROOT } from './process.mjs';

export const SCHEMA = JSON.parse(readFileSync(join(ROOT, 'www/schema/failsoft.schema.json'), 'utf8'));
export const POLICY_SCHEMA = JSON.parse(readFileSync(join(ROOT, 'www/schema/policy.schema.json'), 'utf8'));

const ajv = new Ajv({ allErrors: true, strict: true, strictRequired: false, strictTypes: false, allowUnionTypes: true });
ajv.addSchema(POLICY_SCHEMA, 'policy.schema.json');
const [configuration, policy] = [ajv.compile(SCHEMA), ajv.getSchema('policy.schema.json')];

/** What the schema finds wrong with a configuration, as lines of text; empty if nothing is wrong. */
export const schemaErrors = (value) => errorsOf(configuration, value);

/** What the schema finds wrong with a policy, as lines of text. */
export const policyErrors = (value) => errorsOf(policy, value);

function errorsOf(validate, value) {
  // What JSON cannot hold, such as `undefined`, does not reach the edge.
  if (validate(JSON.parse(JSON.stringify(value)))) return [];
  return validate.errors.map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`);
}
