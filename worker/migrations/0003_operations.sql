-- Which admin changed something: the name of the admin token. Rows of earlier versions have none.
ALTER TABLE audit ADD COLUMN admin TEXT;

-- How many requests the edge refused, by the code of the error.
CREATE TABLE refusals (code TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;

-- The name under which the attempt counts in the sums: the model, or other for a name that the edge does not know. Rows of
-- earlier versions have none, and count under the model.
ALTER TABLE attempts ADD COLUMN label TEXT;
-- 1: the edge does not know the first of the models asked. A client may have invented the name.
ALTER TABLE attempts ADD COLUMN invented INTEGER;

DROP TRIGGER attempts_add;
DROP TRIGGER attempts_change;
DROP TRIGGER first_tokens_add;
DROP TRIGGER first_tokens_learn;
DROP TRIGGER durations_add;
DROP TRIGGER durations_learn;
DROP TRIGGER runs_go_on;

CREATE TRIGGER attempts_add AFTER INSERT ON attempts BEGIN
  INSERT INTO totals
  SELECT
    coalesce(new.label, new.model, new.asked ->> 0, ''), new.outcome, new.role, 1,
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

CREATE TRIGGER attempts_change AFTER UPDATE ON attempts BEGIN
  UPDATE totals SET unsettled = unsettled - 1, unsettled_cost = unsettled_cost - old.cost
  WHERE old.settled = 'unsettled'
    AND model = coalesce(old.label, old.model, old.asked ->> 0, '') AND outcome = old.outcome AND role = old.role;
  INSERT INTO totals
  SELECT
    coalesce(new.label, new.model, new.asked ->> 0, ''), new.outcome, new.role, 0,
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

CREATE TRIGGER first_tokens_add AFTER INSERT ON attempts WHEN new.first_token IS NOT NULL BEGIN
  INSERT INTO latencies
  SELECT 'first_token', coalesce(new.label, new.model, new.asked ->> 0, ''), min(up_to), 1, new.first_token FROM buckets WHERE up_to >= new.first_token
  ON CONFLICT DO UPDATE SET count = count + 1, total = total + excluded.total;
END;

CREATE TRIGGER first_tokens_learn AFTER UPDATE ON attempts WHEN old.first_token IS NULL AND new.first_token IS NOT NULL BEGIN
  INSERT INTO latencies
  SELECT 'first_token', coalesce(new.label, new.model, new.asked ->> 0, ''), min(up_to), 1, new.first_token FROM buckets WHERE up_to >= new.first_token
  ON CONFLICT DO UPDATE SET count = count + 1, total = total + excluded.total;
END;

CREATE TRIGGER durations_add AFTER INSERT ON attempts WHEN new.duration IS NOT NULL BEGIN
  INSERT INTO latencies
  SELECT 'duration', coalesce(new.label, new.model, new.asked ->> 0, ''), min(up_to), 1, new.duration FROM buckets WHERE up_to >= new.duration
  ON CONFLICT DO UPDATE SET count = count + 1, total = total + excluded.total;
END;

CREATE TRIGGER durations_learn AFTER UPDATE ON attempts WHEN old.duration IS NULL AND new.duration IS NOT NULL BEGIN
  INSERT INTO latencies
  SELECT 'duration', coalesce(new.label, new.model, new.asked ->> 0, ''), min(up_to), 1, new.duration FROM buckets WHERE up_to >= new.duration
  ON CONFLICT DO UPDATE SET count = count + 1, total = total + excluded.total;
END;

CREATE TRIGGER runs_go_on AFTER INSERT ON attempts WHEN new.ended = 'fallback' AND new.invented IS NOT 1 BEGIN
  INSERT INTO runs (asked, fallbacks, since) VALUES (coalesce(new.asked ->> 0, ''), 1, new.at)
  ON CONFLICT DO UPDATE SET fallbacks = fallbacks + 1;
END;
