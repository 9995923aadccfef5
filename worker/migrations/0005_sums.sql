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
-- rows. An attempt is also a call if it is the first one of its call: then ended is not empty.
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

-- The same sums for everything together: few rows for a chart of a month.
CREATE TABLE quarters (
  begins INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  ended TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  unsettled INTEGER NOT NULL,
  unsettled_cost INTEGER NOT NULL,
  PRIMARY KEY (begins, outcome, ended)
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

-- The rows that are there already: the quarters first, and the days from the quarters.
INSERT INTO features SELECT feature FROM attempts WHERE feature IS NOT NULL GROUP BY feature ORDER BY count(*) DESC LIMIT 1000;

INSERT INTO sums
SELECT
  1, at / 900000, coalesce(route, ''), coalesce(feature, ''), client, coalesce(label, model, asked ->> 0, ''), '', role,
  outcome, coalesce(ended, ''), count(*),
  sum(iif(settled = 'unsettled', 0, coalesce(prompt_tokens, 0))),
  sum(iif(settled = 'unsettled', 0, coalesce(completion_tokens, 0))),
  sum(iif(settled = 'unsettled', 0, cost)),
  sum(settled = 'unsettled'),
  sum(iif(settled = 'unsettled', cost, 0))
FROM attempts GROUP BY 2, 3, 4, 5, 6, 8, 9, 10;
INSERT INTO sums
SELECT 96, begins / 96 * 96, route, feature, client, model, upstream, role, outcome, ended, sum(attempts), sum(prompt_tokens),
  sum(completion_tokens), sum(cost), sum(unsettled), sum(unsettled_cost)
FROM sums GROUP BY 2, 3, 4, 5, 6, 7, 8, 9, 10;

INSERT INTO quarters
SELECT begins, outcome, ended, sum(attempts), sum(prompt_tokens), sum(completion_tokens), sum(cost), sum(unsettled),
  sum(unsettled_cost) FROM sums WHERE length = 1 GROUP BY 1, 2, 3;

INSERT INTO account_sums
SELECT
  1, at / 900000, account, client, count(*),
  sum(iif(settled = 'unsettled', 0, coalesce(prompt_tokens, 0))),
  sum(iif(settled = 'unsettled', 0, coalesce(completion_tokens, 0))),
  sum(iif(settled = 'unsettled', 0, cost)),
  sum(settled = 'unsettled'),
  sum(iif(settled = 'unsettled', cost, 0)),
  count(ended), sum(ended IS 'fallback'), sum(ended IS NOT NULL AND ended NOT IN ('answered', 'fallback', 'aborted')),
  sum(ended IS 'aborted')
FROM attempts GROUP BY 2, 3, 4;
INSERT INTO account_sums
SELECT 96, begins / 96 * 96, account, client, sum(attempts), sum(prompt_tokens), sum(completion_tokens), sum(cost),
  sum(unsettled), sum(unsettled_cost), sum(calls), sum(fallbacks), sum(failed), sum(aborted)
FROM account_sums GROUP BY 2, 3, 4;

INSERT INTO times
SELECT
  1, at / 900000, coalesce(route, ''), coalesce(feature, ''), client, coalesce(label, model, asked ->> 0, ''),
  (SELECT min(up_to) FROM bounds WHERE up_to >= took), sum(kind = 1), sum(kind = 2), 0, 0
FROM (SELECT *, 1 AS kind, first_token AS took FROM attempts UNION ALL SELECT *, 2, duration FROM attempts)
WHERE took IS NOT NULL GROUP BY 2, 3, 4, 5, 6, 7;
INSERT INTO times
SELECT 96, begins / 96 * 96, route, feature, client, model, up_to, sum(first_token), sum(duration), sum(call_first_token),
  sum(call_duration)
FROM times GROUP BY 2, 3, 4, 5, 6, 7;

CREATE TRIGGER sums_add AFTER INSERT ON attempts BEGIN
  INSERT OR IGNORE INTO features SELECT new.part WHERE new.part IS NOT NULL AND new.part <> 'other';
  INSERT INTO sums
  SELECT
    span.length, new.at / 900000 / span.length * span.length, coalesce(new.route, ''), coalesce(new.part, new.feature, ''),
    new.client, coalesce(new.label, new.model, new.asked ->> 0, ''),
    coalesce(new.upstream, ''), new.role, new.outcome, coalesce(new.ended, ''), 1,
    iif(new.settled = 'unsettled', 0, coalesce(new.prompt_tokens, 0)),
    iif(new.settled = 'unsettled', 0, coalesce(new.completion_tokens, 0)),
    iif(new.settled = 'unsettled', 0, new.cost), (new.settled = 'unsettled'), iif(new.settled = 'unsettled', new.cost, 0)
  FROM (SELECT 1 AS length UNION ALL SELECT 96) AS span WHERE true
  ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost,
    unsettled = unsettled + excluded.unsettled, unsettled_cost = unsettled_cost + excluded.unsettled_cost;
  INSERT INTO quarters
  SELECT
    new.at / 900000, new.outcome, coalesce(new.ended, ''), 1,
    iif(new.settled = 'unsettled', 0, coalesce(new.prompt_tokens, 0)),
    iif(new.settled = 'unsettled', 0, coalesce(new.completion_tokens, 0)),
    iif(new.settled = 'unsettled', 0, new.cost), (new.settled = 'unsettled'), iif(new.settled = 'unsettled', new.cost, 0)
  WHERE true
  ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost,
    unsettled = unsettled + excluded.unsettled, unsettled_cost = unsettled_cost + excluded.unsettled_cost;
  INSERT INTO account_sums
  SELECT
    span.length, new.at / 900000 / span.length * span.length, new.account, new.client, 1,
    iif(new.settled = 'unsettled', 0, coalesce(new.prompt_tokens, 0)),
    iif(new.settled = 'unsettled', 0, coalesce(new.completion_tokens, 0)),
    iif(new.settled = 'unsettled', 0, new.cost), (new.settled = 'unsettled'), iif(new.settled = 'unsettled', new.cost, 0),
    (new.ended IS NOT NULL), (new.ended IS 'fallback'),
    (new.ended IS NOT NULL AND new.ended NOT IN ('answered', 'fallback', 'aborted')), (new.ended IS 'aborted')
  FROM (SELECT 1 AS length UNION ALL SELECT 96) AS span WHERE true
  ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost,
    unsettled = unsettled + excluded.unsettled, unsettled_cost = unsettled_cost + excluded.unsettled_cost,
    calls = calls + excluded.calls, fallbacks = fallbacks + excluded.fallbacks, failed = failed + excluded.failed,
    aborted = aborted + excluded.aborted;
  INSERT INTO times
  SELECT
    span.length, new.at / 900000 / span.length * span.length, coalesce(new.route, ''), coalesce(new.part, new.feature, ''),
    new.client, coalesce(new.label, new.model, new.asked ->> 0, ''),
    (SELECT min(up_to) FROM bounds WHERE up_to >= took) AS bucket,
    sum(first_token), sum(duration), sum(call_first_token), sum(call_duration)
  FROM (SELECT 1 AS length UNION ALL SELECT 96) AS span CROSS JOIN (
    SELECT new.first_token AS took, 1 AS first_token, 0 AS duration, 0 AS call_first_token, 0 AS call_duration
    UNION ALL SELECT new.duration, 0, 1, 0, 0
    UNION ALL SELECT new.call_first_token, 0, 0, 1, 0
    UNION ALL SELECT new.call_duration, 0, 0, 0, 1
  )
  WHERE took IS NOT NULL
  GROUP BY span.length, bucket
  ON CONFLICT DO UPDATE SET
    first_token = first_token + excluded.first_token, duration = duration + excluded.duration,
    call_first_token = call_first_token + excluded.call_first_token, call_duration = call_duration + excluded.call_duration;
END;

-- What a row adds to the sums may change until the last of its revisions: the old contribution is taken back.
CREATE TRIGGER sums_change AFTER UPDATE ON attempts BEGIN
  INSERT INTO sums
  SELECT
    span.length, old.at / 900000 / span.length * span.length, coalesce(old.route, ''), coalesce(old.part, old.feature, ''),
    old.client, coalesce(old.label, old.model, old.asked ->> 0, ''),
    coalesce(old.upstream, ''), old.role, old.outcome, coalesce(old.ended, ''), -1,
    -iif(old.settled = 'unsettled', 0, coalesce(old.prompt_tokens, 0)),
    -iif(old.settled = 'unsettled', 0, coalesce(old.completion_tokens, 0)),
    -iif(old.settled = 'unsettled', 0, old.cost), -(old.settled = 'unsettled'), -iif(old.settled = 'unsettled', old.cost, 0)
  FROM (SELECT 1 AS length UNION ALL SELECT 96) AS span WHERE true
  ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost,
    unsettled = unsettled + excluded.unsettled, unsettled_cost = unsettled_cost + excluded.unsettled_cost;
  INSERT INTO quarters
  SELECT
    old.at / 900000, old.outcome, coalesce(old.ended, ''), -1,
    -iif(old.settled = 'unsettled', 0, coalesce(old.prompt_tokens, 0)),
    -iif(old.settled = 'unsettled', 0, coalesce(old.completion_tokens, 0)),
    -iif(old.settled = 'unsettled', 0, old.cost), -(old.settled = 'unsettled'), -iif(old.settled = 'unsettled', old.cost, 0)
  WHERE true
  ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost,
    unsettled = unsettled + excluded.unsettled, unsettled_cost = unsettled_cost + excluded.unsettled_cost;
  INSERT INTO sums
  SELECT
    span.length, new.at / 900000 / span.length * span.length, coalesce(new.route, ''), coalesce(new.part, new.feature, ''),
    new.client, coalesce(new.label, new.model, new.asked ->> 0, ''),
    coalesce(new.upstream, ''), new.role, new.outcome, coalesce(new.ended, ''), 1,
    iif(new.settled = 'unsettled', 0, coalesce(new.prompt_tokens, 0)),
    iif(new.settled = 'unsettled', 0, coalesce(new.completion_tokens, 0)),
    iif(new.settled = 'unsettled', 0, new.cost), (new.settled = 'unsettled'), iif(new.settled = 'unsettled', new.cost, 0)
  FROM (SELECT 1 AS length UNION ALL SELECT 96) AS span WHERE true
  ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost,
    unsettled = unsettled + excluded.unsettled, unsettled_cost = unsettled_cost + excluded.unsettled_cost;
  INSERT INTO quarters
  SELECT
    new.at / 900000, new.outcome, coalesce(new.ended, ''), 1,
    iif(new.settled = 'unsettled', 0, coalesce(new.prompt_tokens, 0)),
    iif(new.settled = 'unsettled', 0, coalesce(new.completion_tokens, 0)),
    iif(new.settled = 'unsettled', 0, new.cost), (new.settled = 'unsettled'), iif(new.settled = 'unsettled', new.cost, 0)
  WHERE true
  ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost,
    unsettled = unsettled + excluded.unsettled, unsettled_cost = unsettled_cost + excluded.unsettled_cost;
  INSERT INTO account_sums
  SELECT
    span.length, old.at / 900000 / span.length * span.length, old.account, old.client, -1,
    -iif(old.settled = 'unsettled', 0, coalesce(old.prompt_tokens, 0)),
    -iif(old.settled = 'unsettled', 0, coalesce(old.completion_tokens, 0)),
    -iif(old.settled = 'unsettled', 0, old.cost), -(old.settled = 'unsettled'), -iif(old.settled = 'unsettled', old.cost, 0),
    -(old.ended IS NOT NULL), -(old.ended IS 'fallback'),
    -(old.ended IS NOT NULL AND old.ended NOT IN ('answered', 'fallback', 'aborted')), -(old.ended IS 'aborted')
  FROM (SELECT 1 AS length UNION ALL SELECT 96) AS span WHERE true
  ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost,
    unsettled = unsettled + excluded.unsettled, unsettled_cost = unsettled_cost + excluded.unsettled_cost,
    calls = calls + excluded.calls, fallbacks = fallbacks + excluded.fallbacks, failed = failed + excluded.failed,
    aborted = aborted + excluded.aborted;
  INSERT INTO account_sums
  SELECT
    span.length, new.at / 900000 / span.length * span.length, new.account, new.client, 1,
    iif(new.settled = 'unsettled', 0, coalesce(new.prompt_tokens, 0)),
    iif(new.settled = 'unsettled', 0, coalesce(new.completion_tokens, 0)),
    iif(new.settled = 'unsettled', 0, new.cost), (new.settled = 'unsettled'), iif(new.settled = 'unsettled', new.cost, 0),
    (new.ended IS NOT NULL), (new.ended IS 'fallback'),
    (new.ended IS NOT NULL AND new.ended NOT IN ('answered', 'fallback', 'aborted')), (new.ended IS 'aborted')
  FROM (SELECT 1 AS length UNION ALL SELECT 96) AS span WHERE true
  ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost,
    unsettled = unsettled + excluded.unsettled, unsettled_cost = unsettled_cost + excluded.unsettled_cost,
    calls = calls + excluded.calls, fallbacks = fallbacks + excluded.fallbacks, failed = failed + excluded.failed,
    aborted = aborted + excluded.aborted;
END;

CREATE TRIGGER times_change AFTER UPDATE ON attempts
WHEN old.first_token IS NOT new.first_token OR old.duration IS NOT new.duration OR old.call_first_token IS NOT new.call_first_token OR old.call_duration IS NOT new.call_duration
  OR old.model IS NOT new.model OR old.label IS NOT new.label BEGIN
  INSERT INTO times
  SELECT
    span.length, old.at / 900000 / span.length * span.length, coalesce(old.route, ''), coalesce(old.part, old.feature, ''),
    old.client, coalesce(old.label, old.model, old.asked ->> 0, ''),
    (SELECT min(up_to) FROM bounds WHERE up_to >= took) AS bucket,
    sum(first_token), sum(duration), sum(call_first_token), sum(call_duration)
  FROM (SELECT 1 AS length UNION ALL SELECT 96) AS span CROSS JOIN (
    SELECT old.first_token AS took, -1 AS first_token, 0 AS duration, 0 AS call_first_token, 0 AS call_duration
    UNION ALL SELECT old.duration, 0, -1, 0, 0
    UNION ALL SELECT old.call_first_token, 0, 0, -1, 0
    UNION ALL SELECT old.call_duration, 0, 0, 0, -1
  )
  WHERE took IS NOT NULL
  GROUP BY span.length, bucket
  ON CONFLICT DO UPDATE SET
    first_token = first_token + excluded.first_token, duration = duration + excluded.duration,
    call_first_token = call_first_token + excluded.call_first_token, call_duration = call_duration + excluded.call_duration;
  INSERT INTO times
  SELECT
    span.length, new.at / 900000 / span.length * span.length, coalesce(new.route, ''), coalesce(new.part, new.feature, ''),
    new.client, coalesce(new.label, new.model, new.asked ->> 0, ''),
    (SELECT min(up_to) FROM bounds WHERE up_to >= took) AS bucket,
    sum(first_token), sum(duration), sum(call_first_token), sum(call_duration)
  FROM (SELECT 1 AS length UNION ALL SELECT 96) AS span CROSS JOIN (
    SELECT new.first_token AS took, 1 AS first_token, 0 AS duration, 0 AS call_first_token, 0 AS call_duration
    UNION ALL SELECT new.duration, 0, 1, 0, 0
    UNION ALL SELECT new.call_first_token, 0, 0, 1, 0
    UNION ALL SELECT new.call_duration, 0, 0, 0, 1
  )
  WHERE took IS NOT NULL
  GROUP BY span.length, bucket
  ON CONFLICT DO UPDATE SET
    first_token = first_token + excluded.first_token, duration = duration + excluded.duration,
    call_first_token = call_first_token + excluded.call_first_token, call_duration = call_duration + excluded.call_duration;
END;
