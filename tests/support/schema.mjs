// The JSON Schema of failsoft.json, as an editor applies it.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import Ajv from 'ajv/dist/2020.js';

import { ROOT } from './process.mjs';

export const SCHEMA = JSON.parse(readFileSync(join(ROOT, 'www/schema/failsoft.schema.json'), 'utf8'));
export const POLICY_SCHEMA = JSON.parse(readFileSync(join(ROOT, 'www/schema/policy.schema.json'), 'utf8'));

const ajv = new Ajv({ allErrors: true, strict: true, strictRequired: false, strictTypes: false, allowUnionTypes: true });
ajv.addSchema(POLICY_SCHEMA, 'policy.schema.json');
const validate = ajv.compile(SCHEMA);

/** The errors of a configuration according to the schema, as lines of text; empty if the configuration is valid. */
export function schemaErrors(configuration) {
  // Values that JSON cannot hold, such as `undefined`, do not reach the edge.
  if (validate(JSON.parse(JSON.stringify(configuration)))) return [];
  return validate.errors.map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`);
}
