-- Sums over the attempts, so that the dashboard need not read the rows of the ledger. The triggers below run in the statement that
-- writes a row: a sum always equals the sum of its rows, however many writers there are, and a row that is written twice counts
-- once. Rows that the ledger forgets stay in the sums. A quarter is a quarter of an hour: its number is a point in time divided by
-- 900,000 ms. Local days of all time zones begin with a quarter.

-- The host of the upstream that the request went to. Rows of earlier versions have none, nor the next three.
ALTER TABLE attempts ADD COLUMN upstream TEXT;
-- On the first attempt of a call: milliseconds from the beginning of the call until its reader had the first text, reasoning or
-- tool call (streams only), and until the end of the call.
ALTER TABLE attempts ADD COLUMN call_first_token INTEGER;
ALTER TABLE attempts ADD COLUMN call_duration INTEGER;
-- The name under which the feature counts in the sums: the feature, or other, because clients choose the names.
ALTER TABLE attempts ADD COLUMN part TEXT;

-- The features that have a name of their own in the sums.
CREATE TABLE features (name TEXT PRIMARY KEY) WITHOUT ROWID;

-- The sums of a span: of each quarter (length 1), and of each day of UTC (length 96). A day is there so that a month has few
-- rows. An attempt is also a call if it is the first one of its call: then ended is not empty. A call whose answer came from the
-- cache has one row, whose role and end are cached. It counts among the attempts here, and is left out where attempts are shown.
CREATE TABLE sums (
  length INTEGER NOT NULL,
  -- The first quarter of the span.
  begins INTEGER NOT NULL,
  route TEXT NOT NULL,
  feature TEXT NOT NULL,
  client TEXT NOT NULL,
  model TEXT NOT NULL,
  upstream TEXT NOT NULL,
  role TEXT NOT NULL,
  outcome TEXT NOT NULL,
  ended TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  -- The known cost. The most that attempts of unknown cost can have cost is unsettled_cost.
  cost INTEGER NOT NULL,
  unsettled INTEGER NOT NULL,
  unsettled_cost INTEGER NOT NULL,
  PRIMARY KEY (length, begins, route, feature, client, model, upstream, role, outcome, ended)
) WITHOUT ROWID;

-- The same sums for everything together: few rows for a chart of a month, and for the first view of the dashboard.
CREATE TABLE quarters (
  length INTEGER NOT NULL,
  begins INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  ended TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  unsettled INTEGER NOT NULL,
  unsettled_cost INTEGER NOT NULL,
  PRIMARY KEY (length, begins, outcome, ended)
) WITHOUT ROWID;

-- The same sums for each account: a client key, a user or a visitor.
CREATE TABLE account_sums (
  length INTEGER NOT NULL,
  begins INTEGER NOT NULL,
  account TEXT NOT NULL,
  client TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  unsettled INTEGER NOT NULL,
  unsettled_cost INTEGER NOT NULL,
  calls INTEGER NOT NULL,
  fallbacks INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  aborted INTEGER NOT NULL,
  -- Calls whose answer came from the cache. Their rows are no attempts here.
  cached INTEGER NOT NULL,
  PRIMARY KEY (length, begins, account, client)
) WITHOUT ROWID;

-- The buckets of the histograms: a bucket is at most a tenth as wide as its upper bound, in milliseconds. A percentile is read
-- as the middle of its bucket, so it is wrong by 5 % at most. The last bucket begins at an hour.
CREATE TABLE bounds (up_to INTEGER PRIMARY KEY, middle INTEGER NOT NULL);
WITH RECURSIVE bound (after, up_to) AS (
  SELECT -1, 0 UNION ALL SELECT up_to, max(up_to + 1, up_to * 11 / 10) FROM bound WHERE up_to < 3600000
)
INSERT INTO bounds
SELECT up_to, (after + 1 + up_to) / 2 FROM bound UNION ALL SELECT 9007199254740991, max(up_to) FROM bound;

-- Histograms. Each column counts the attempts or the calls whose time is in the bucket.
CREATE TABLE times (
  length INTEGER NOT NULL,
  begins INTEGER NOT NULL,
  route TEXT NOT NULL,
  feature TEXT NOT NULL,
  client TEXT NOT NULL,
  model TEXT NOT NULL,
  up_to INTEGER NOT NULL,
  first_token INTEGER NOT NULL,
  duration INTEGER NOT NULL,
  call_first_token INTEGER NOT NULL,
  call_duration INTEGER NOT NULL,
  PRIMARY KEY (length, begins, route, feature, client, model, up_to)
) WITHOUT ROWID;

-- The same histograms for everything together: a hundred rows for a span, however many routes, keys and models there are.
CREATE TABLE quarter_times (
  length INTEGER NOT NULL,
  begins INTEGER NOT NULL,
  up_to INTEGER NOT NULL,
  first_token INTEGER NOT NULL,
  duration INTEGER NOT NULL,
  call_first_token INTEGER NOT NULL,
  call_duration INTEGER NOT NULL,
  PRIMARY KEY (length, begins, up_to)
) WITHOUT ROWID;

-- The rows that are there already are added in steps, each of which takes less time than the database gives to a statement. A row
-- counts if its rowid is at most done, or above last: those are the rows that arrive with the triggers below. The table is empty
-- when all rows count. The cron trigger makes the steps.
CREATE TABLE backfill (done INTEGER NOT NULL, last INTEGER NOT NULL, step INTEGER NOT NULL);
INSERT INTO backfill
SELECT first - 1, last, 2000
FROM (SELECT (SELECT min(rowid) FROM attempts) AS first, (SELECT max(rowid) FROM attempts) AS last) WHERE last IS NOT NULL;

CREATE VIEW spans AS SELECT 1 AS length UNION ALL SELECT 96;

CREATE VIEW counted AS SELECT 1 AS sign, 1 AS known, * FROM attempts;

CREATE TRIGGER counted_add INSTEAD OF INSERT ON counted BEGIN
  INSERT INTO sums
  SELECT
    length, new.at / 900000 / length * length, coalesce(new.route, ''), coalesce(new.part, new.feature, ''), new.client,
    coalesce(new.label, new.model, new.asked ->> 0, ''), coalesce(new.upstream, ''), new.role, new.outcome, coalesce(new.ended, ''),
    new.sign, new.known * coalesce(new.prompt_tokens, 0), new.known * coalesce(new.completion_tokens, 0), new.known * new.cost,
    new.sign - new.known, (new.sign - new.known) * new.cost
  FROM spans WHERE true
  ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost,
    unsettled = unsettled + excluded.unsettled, unsettled_cost = unsettled_cost + excluded.unsettled_cost;
  INSERT INTO quarters
  SELECT
    length, new.at / 900000 / length * length, new.outcome, coalesce(new.ended, ''),
    new.sign, new.known * coalesce(new.prompt_tokens, 0), new.known * coalesce(new.completion_tokens, 0), new.known * new.cost,
    new.sign - new.known, (new.sign - new.known) * new.cost
  FROM spans WHERE true
  ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost,
    unsettled = unsettled + excluded.unsettled, unsettled_cost = unsettled_cost + excluded.unsettled_cost;
  INSERT INTO account_sums
  SELECT
    length, new.at / 900000 / length * length, new.account, new.client,
    new.sign * (new.role <> 'cached'), new.known * coalesce(new.prompt_tokens, 0), new.known * coalesce(new.completion_tokens, 0), new.known * new.cost,
    new.sign - new.known, (new.sign - new.known) * new.cost,
    new.sign * (new.ended IS NOT NULL), new.sign * (new.ended IS 'fallback'),
    new.sign * (new.ended IS NOT NULL AND new.ended NOT IN ('answered', 'fallback', 'aborted', 'cached')),
    new.sign * (new.ended IS 'aborted'), new.sign * (new.ended IS 'cached')
  FROM spans WHERE true
  ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost,
    unsettled = unsettled + excluded.unsettled, unsettled_cost = unsettled_cost + excluded.unsettled_cost,
    calls = calls + excluded.calls, fallbacks = fallbacks + excluded.fallbacks, failed = failed + excluded.failed,
    aborted = aborted + excluded.aborted, cached = cached + excluded.cached;
END;

CREATE VIEW timed AS SELECT 1 AS sign, * FROM attempts;

CREATE TRIGGER timed_add INSTEAD OF INSERT ON timed BEGIN
  INSERT INTO times
  SELECT
    length, new.at / 900000 / length * length, coalesce(new.route, ''), coalesce(new.part, new.feature, ''), new.client,
    coalesce(new.label, new.model, new.asked ->> 0, ''), (SELECT min(up_to) FROM bounds WHERE up_to >= took) AS bucket,
    new.sign * sum(measure = 1), new.sign * sum(measure = 2), new.sign * sum(measure = 3), new.sign * sum(measure = 4)
  FROM spans CROSS JOIN (
    SELECT 1 AS measure, new.first_token AS took UNION ALL SELECT 2, new.duration
    UNION ALL SELECT 3, new.call_first_token UNION ALL SELECT 4, new.call_duration
  )
  WHERE took IS NOT NULL GROUP BY length, bucket
  ON CONFLICT DO UPDATE SET
    first_token = first_token + excluded.first_token, duration = duration + excluded.duration,
    call_first_token = call_first_token + excluded.call_first_token, call_duration = call_duration + excluded.call_duration;
  INSERT INTO quarter_times
  SELECT
    length, new.at / 900000 / length * length, (SELECT min(up_to) FROM bounds WHERE up_to >= took) AS bucket,
    new.sign * sum(measure = 1), new.sign * sum(measure = 2), new.sign * sum(measure = 3), new.sign * sum(measure = 4)
  FROM spans CROSS JOIN (
    SELECT 1 AS measure, new.first_token AS took UNION ALL SELECT 2, new.duration
    UNION ALL SELECT 3, new.call_first_token UNION ALL SELECT 4, new.call_duration
  )
  WHERE took IS NOT NULL GROUP BY length, bucket
  ON CONFLICT DO UPDATE SET
    first_token = first_token + excluded.first_token, duration = duration + excluded.duration,
    call_first_token = call_first_token + excluded.call_first_token, call_duration = call_duration + excluded.call_duration;
END;
-- If the last rows were deleted, a new row may get the number of one that a step will pass. Then the step adds it.
CREATE TRIGGER sums_add AFTER INSERT ON attempts
WHEN NOT EXISTS (SELECT 1 FROM backfill WHERE new.rowid > done AND new.rowid <= last) BEGIN
  INSERT OR IGNORE INTO features SELECT new.part WHERE new.part IS NOT NULL AND new.part <> 'other';
  INSERT INTO counted (sign, known, at, route, feature, part, client, label, model, asked, upstream, role, outcome, ended, account, prompt_tokens, completion_tokens, cost, settled) VALUES (1, new.settled <> 'unsettled', new.at, new.route, new.feature, new.part, new.client, new.label, new.model, new.asked, new.upstream, new.role, new.outcome, new.ended, new.account, new.prompt_tokens, new.completion_tokens, new.cost, new.settled);
  INSERT INTO timed (sign, at, route, feature, part, client, label, model, asked, first_token, duration, call_first_token, call_duration) VALUES (1, new.at, new.route, new.feature, new.part, new.client, new.label, new.model, new.asked, new.first_token, new.duration, new.call_first_token, new.call_duration);
END;
-- A row that does not count yet changes no sum.
CREATE TRIGGER sums_change AFTER UPDATE ON attempts
WHEN NOT EXISTS (SELECT 1 FROM backfill WHERE old.rowid > done AND old.rowid <= last) BEGIN
  INSERT INTO counted (sign, known, at, route, feature, part, client, label, model, asked, upstream, role, outcome, ended, account, prompt_tokens, completion_tokens, cost, settled) VALUES
    (-1, -(old.settled <> 'unsettled'), old.at, old.route, old.feature, old.part, old.client, old.label, old.model, old.asked, old.upstream, old.role, old.outcome, old.ended, old.account, old.prompt_tokens, old.completion_tokens, old.cost, old.settled),
    (1, new.settled <> 'unsettled', new.at, new.route, new.feature, new.part, new.client, new.label, new.model, new.asked, new.upstream, new.role, new.outcome, new.ended, new.account, new.prompt_tokens, new.completion_tokens, new.cost, new.settled);
END;
CREATE TRIGGER times_change AFTER UPDATE ON attempts
WHEN NOT EXISTS (SELECT 1 FROM backfill WHERE old.rowid > done AND old.rowid <= last) AND (old.first_token IS NOT new.first_token OR old.duration IS NOT new.duration OR old.call_first_token IS NOT new.call_first_token OR old.call_duration IS NOT new.call_duration
  OR old.model IS NOT new.model OR old.label IS NOT new.label) BEGIN
  INSERT INTO timed (sign, at, route, feature, part, client, label, model, asked, first_token, duration, call_first_token, call_duration) VALUES (-1, old.at, old.route, old.feature, old.part, old.client, old.label, old.model, old.asked, old.first_token, old.duration, old.call_first_token, old.call_duration), (1, new.at, new.route, new.feature, new.part, new.client, new.label, new.model, new.asked, new.first_token, new.duration, new.call_first_token, new.call_duration);
END;

-- A step. Its rows count from now on, because the same statement adds them.
CREATE TRIGGER backfill_step AFTER UPDATE OF done ON backfill BEGIN
  INSERT OR IGNORE INTO features
  SELECT DISTINCT feature FROM attempts
  WHERE rowid > old.done AND rowid <= new.done AND feature IS NOT NULL AND (SELECT count(*) FROM features) < 1000;
  INSERT INTO counted (sign, known, at, route, feature, part, client, label, model, asked, upstream, role, outcome, ended, account, prompt_tokens, completion_tokens, cost, settled)
  SELECT 1, settled <> 'unsettled', at, route, feature, part, client, label, model, asked, upstream, role, outcome, ended, account, prompt_tokens, completion_tokens, cost, settled FROM attempts WHERE rowid > old.done AND rowid <= new.done;
  INSERT INTO timed (sign, at, route, feature, part, client, label, model, asked, first_token, duration, call_first_token, call_duration)
  SELECT 1, at, route, feature, part, client, label, model, asked, first_token, duration, call_first_token, call_duration FROM attempts WHERE rowid > old.done AND rowid <= new.done;
  DELETE FROM backfill WHERE done >= last;
END;
