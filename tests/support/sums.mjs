// Takes back the migrations that make the sums of the ledger, so that a test or a bench can apply them to rows that are there already.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { WORKER } from './edge.mjs';

const VIEWS = ['counted', 'timed', 'spans'];
const TRIGGERS = ['sums_add', 'sums_change', 'times_change'];
const TABLES = ['backfill', 'sums', 'quarters', 'account_sums', 'times', 'quarter_times', 'features', 'bounds', 'closed_days', 'dimensions', 'day_sums', 'day_times'];
/** The columns that the migration adds to the rows. */
export const COLUMNS = ['upstream', 'call_first_token', 'call_duration', 'part'];

/** Removes the sums and the columns. */
export async function removeSums(database) {
  const drop = (kind, names) => names.map((name) => `DROP ${kind} ${name}`);
  const columns = COLUMNS.map((name) => `ALTER TABLE attempts DROP COLUMN ${name}`);
  for (const statement of [...drop('TRIGGER', TRIGGERS), ...drop('VIEW', VIEWS), ...drop('TABLE', TABLES), ...columns]) await database.all(statement);
}

/** Makes the sums again, without the rows that are there already. */
export async function migrate(database) {
  for (const name of ['0005_sums.sql', '0008_days.sql']) await database.all(await readFile(join(WORKER, 'migrations', name), 'utf8'));
}
