-- The ledger: what each call cost. Amounts are in units of 10^-12 USD, points in time in milliseconds since 1970.

-- One row for each request to an upstream.
CREATE TABLE attempts (
  id TEXT PRIMARY KEY,
  -- The request id of the call.
  call TEXT NOT NULL,
  -- A row is written again when its cost becomes known. The row with the highest revision counts.
  revision INTEGER NOT NULL,
  at INTEGER NOT NULL,
  -- The account that pays. The names of users and visitors are digests.
  account TEXT NOT NULL,
  client TEXT NOT NULL,
  route TEXT,
  feature TEXT,
  -- The requested models: a JSON array.
  asked TEXT NOT NULL,
  model TEXT,
  provider TEXT,
  -- answer, hedge, judge, continue or restart.
  role TEXT NOT NULL,
  -- answered, or the kind of the failure. Rows of earlier versions have outrun in place of superseded.
  outcome TEXT NOT NULL,
  prompt_tokens INTEGER,
  completion_tokens INTEGER,
  cost INTEGER NOT NULL,
  -- How the cost became known: told (the answer contained it), generation (it was looked up), or unsettled (nobody knows
  -- it, and cost is the most that it can be).
  settled TEXT NOT NULL,
  generation TEXT,
  first_token INTEGER,
  duration INTEGER,
  -- How the call ended, on the row of its first attempt: answered, fallback, or the kind of the failure.
  ended TEXT
) STRICT;

CREATE INDEX attempts_at ON attempts (at);
CREATE INDEX attempts_account ON attempts (account, at);

-- Sums over all attempts. The triggers below keep them exact for any number of writers, and a row that is written twice
-- counts once. A counter must never decrease, so the cost and the tokens of an attempt are added when they are settled;
-- until then the cost is part of unsettled_cost.
CREATE TABLE totals (
  model TEXT NOT NULL,
  outcome TEXT NOT NULL,
  role TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  unsettled INTEGER NOT NULL,
  unsettled_cost INTEGER NOT NULL,
  PRIMARY KEY (model, outcome, role)
) WITHOUT ROWID;

-- The number of calls for each way to end.
CREATE TABLE calls (ended TEXT PRIMARY KEY, calls INTEGER NOT NULL) WITHOUT ROWID;

-- How long attempts took. up_to is the upper bound of a bucket in milliseconds. Each attempt counts in one bucket.
CREATE TABLE buckets (up_to INTEGER PRIMARY KEY);
INSERT INTO buckets VALUES (100), (250), (500), (1000), (2500), (5000), (10000), (30000), (60000), (300000), (9007199254740991);
CREATE TABLE latencies (
  measure TEXT NOT NULL,
  model TEXT NOT NULL,
  up_to INTEGER NOT NULL,
  count INTEGER NOT NULL,
  total INTEGER NOT NULL,
  PRIMARY KEY (measure, model, up_to)
) WITHOUT ROWID;

-- What each hour since 1970 cost.
CREATE TABLE hours (hour INTEGER PRIMARY KEY, cost INTEGER NOT NULL);

-- For each first model of a chain: how many calls in a row were answered by another model, and since when.
CREATE TABLE runs (asked TEXT PRIMARY KEY, fallbacks INTEGER NOT NULL, since INTEGER NOT NULL) WITHOUT ROWID;

CREATE TRIGGER attempts_add AFTER INSERT ON attempts BEGIN
  INSERT INTO totals
  SELECT
    coalesce(new.model, new.asked ->> 0, ''), new.outcome, new.role, 1,
    iif(new.settled = 'unsettled', 0, coalesce(new.prompt_tokens, 0)),
    iif(new.settled = 'unsettled', 0, coalesce(new.completion_tokens, 0)), iif(new.settled = 'unsettled', 0, new.cost),
    new.settled = 'unsettled', iif(new.settled = 'unsettled', new.cost, 0)
  WHERE true
  ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost,
    unsettled = unsettled + excluded.unsettled, unsettled_cost = unsettled_cost + excluded.unsettled_cost;
  INSERT INTO hours (hour, cost) VALUES (new.at / 3600000, new.cost) ON CONFLICT DO UPDATE SET cost = cost + excluded.cost;
END;

-- A cost became known: the attempt is no longer unsettled, and the new values are added.
CREATE TRIGGER attempts_change AFTER UPDATE ON attempts BEGIN
  UPDATE totals SET unsettled = unsettled - 1, unsettled_cost = unsettled_cost - old.cost
  WHERE old.settled = 'unsettled'
    AND model = coalesce(old.model, old.asked ->> 0, '') AND outcome = old.outcome AND role = old.role;
  INSERT INTO totals
  SELECT
    coalesce(new.model, new.asked ->> 0, ''), new.outcome, new.role, 0,
    iif(new.settled = 'unsettled', 0, coalesce(new.prompt_tokens, 0)) - iif(old.settled = 'unsettled', 0, coalesce(old.prompt_tokens, 0)),
    iif(new.settled = 'unsettled', 0, coalesce(new.completion_tokens, 0)) - iif(old.settled = 'unsettled', 0, coalesce(old.completion_tokens, 0)),
    iif(new.settled = 'unsettled', 0, new.cost) - iif(old.settled = 'unsettled', 0, old.cost),
    new.settled = 'unsettled', iif(new.settled = 'unsettled', new.cost, 0)
  WHERE true
  ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost,
    unsettled = unsettled + excluded.unsettled, unsettled_cost = unsettled_cost + excluded.unsettled_cost;
  UPDATE hours SET cost = cost - old.cost + new.cost WHERE hour = new.at / 3600000;
END;

-- Each value below counts when a row arrives with it, or when it becomes known later.
CREATE TRIGGER calls_add AFTER INSERT ON attempts WHEN new.ended IS NOT NULL BEGIN
  INSERT INTO calls (ended, calls) VALUES (new.ended, 1) ON CONFLICT DO UPDATE SET calls = calls + 1;
END;

CREATE TRIGGER calls_learn AFTER UPDATE ON attempts WHEN old.ended IS NULL AND new.ended IS NOT NULL BEGIN
  INSERT INTO calls (ended, calls) VALUES (new.ended, 1) ON CONFLICT DO UPDATE SET calls = calls + 1;
END;

CREATE TRIGGER first_tokens_add AFTER INSERT ON attempts WHEN new.first_token IS NOT NULL BEGIN
  INSERT INTO latencies
  SELECT 'first_token', coalesce(new.model, new.asked ->> 0, ''), min(up_to), 1, new.first_token FROM buckets WHERE up_to >= new.first_token
  ON CONFLICT DO UPDATE SET count = count + 1, total = total + excluded.total;
END;

CREATE TRIGGER first_tokens_learn AFTER UPDATE ON attempts WHEN old.first_token IS NULL AND new.first_token IS NOT NULL BEGIN
  INSERT INTO latencies
  SELECT 'first_token', coalesce(new.model, new.asked ->> 0, ''), min(up_to), 1, new.first_token FROM buckets WHERE up_to >= new.first_token
  ON CONFLICT DO UPDATE SET count = count + 1, total = total + excluded.total;
END;

CREATE TRIGGER durations_add AFTER INSERT ON attempts WHEN new.duration IS NOT NULL BEGIN
  INSERT INTO latencies
  SELECT 'duration', coalesce(new.model, new.asked ->> 0, ''), min(up_to), 1, new.duration FROM buckets WHERE up_to >= new.duration
  ON CONFLICT DO UPDATE SET count = count + 1, total = total + excluded.total;
END;

CREATE TRIGGER durations_learn AFTER UPDATE ON attempts WHEN old.duration IS NULL AND new.duration IS NOT NULL BEGIN
  INSERT INTO latencies
  SELECT 'duration', coalesce(new.model, new.asked ->> 0, ''), min(up_to), 1, new.duration FROM buckets WHERE up_to >= new.duration
  ON CONFLICT DO UPDATE SET count = count + 1, total = total + excluded.total;
END;

CREATE TRIGGER runs_go_on AFTER INSERT ON attempts WHEN new.ended = 'fallback' BEGIN
  INSERT INTO runs (asked, fallbacks, since) VALUES (coalesce(new.asked ->> 0, ''), 1, new.at)
  ON CONFLICT DO UPDATE SET fallbacks = fallbacks + 1;
END;

CREATE TRIGGER runs_end AFTER INSERT ON attempts WHEN new.ended = 'answered' BEGIN
  DELETE FROM runs WHERE asked = coalesce(new.asked ->> 0, '');
END;

-- Alerts. Each occasion is sent once. An alert that may not have arrived is sent again.
CREATE TABLE told (
  occasion TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  body TEXT NOT NULL,
  sent INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- The last catalog of each upstream as JSON, for the time in which the upstream does not answer.
CREATE TABLE catalog (upstream TEXT PRIMARY KEY, at INTEGER NOT NULL, models TEXT NOT NULL) WITHOUT ROWID;
