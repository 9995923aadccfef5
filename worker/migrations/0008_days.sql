-- The sums of closed days by one column. A breakdown of a month has some hundred rows here, and not one for each combination of
-- route, feature, key and model. The cron trigger closes a day of UTC after its end. When a sum of a closed day changes, because a row
-- arrives late or a cost becomes known, the day is open again. So what is read here always equals the sums.

-- The closed days, by their first quarter.
CREATE TABLE closed_days (day INTEGER PRIMARY KEY);

-- The columns by which figures are broken down.
CREATE TABLE dimensions (dimension TEXT PRIMARY KEY) WITHOUT ROWID;
INSERT INTO dimensions VALUES ('feature'), ('model'), ('route'), ('client'), ('upstream');

CREATE TABLE day_sums (
  dimension TEXT NOT NULL,
  day INTEGER NOT NULL,
  -- The value of the column.
  name TEXT NOT NULL,
  outcome TEXT NOT NULL,
  ended TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  unsettled INTEGER NOT NULL,
  unsettled_cost INTEGER NOT NULL,
  PRIMARY KEY (dimension, day, name, outcome, ended)
) WITHOUT ROWID;

-- The histograms do not know the upstream.
CREATE TABLE day_times (
  dimension TEXT NOT NULL,
  day INTEGER NOT NULL,
  name TEXT NOT NULL,
  up_to INTEGER NOT NULL,
  first_token INTEGER NOT NULL,
  duration INTEGER NOT NULL,
  call_first_token INTEGER NOT NULL,
  call_duration INTEGER NOT NULL,
  PRIMARY KEY (dimension, day, name, up_to)
) WITHOUT ROWID;

CREATE TRIGGER day_close AFTER INSERT ON closed_days BEGIN
  DELETE FROM day_sums WHERE dimension IN (SELECT dimension FROM dimensions) AND day = new.day;
  INSERT INTO day_sums
  SELECT
    dimension, new.day,
    CASE dimension WHEN 'feature' THEN feature WHEN 'model' THEN model WHEN 'route' THEN route WHEN 'client' THEN client ELSE upstream END AS name,
    outcome, ended, sum(attempts), sum(prompt_tokens), sum(completion_tokens), sum(cost), sum(unsettled), sum(unsettled_cost)
  FROM dimensions CROSS JOIN sums WHERE length = 96 AND begins = new.day GROUP BY dimension, name, outcome, ended;
  DELETE FROM day_times WHERE dimension IN (SELECT dimension FROM dimensions) AND day = new.day;
  INSERT INTO day_times
  SELECT
    dimension, new.day,
    CASE dimension WHEN 'feature' THEN feature WHEN 'model' THEN model WHEN 'route' THEN route ELSE client END AS name,
    up_to, sum(first_token), sum(duration), sum(call_first_token), sum(call_duration)
  FROM dimensions CROSS JOIN times
  WHERE dimension <> 'upstream' AND length = 96 AND begins = new.day GROUP BY dimension, name, up_to;
END;

-- Every statement that changes the histograms changes the sums, too, so these two triggers are enough.
CREATE TRIGGER sums_open_day AFTER INSERT ON sums WHEN new.length = 96 BEGIN
  DELETE FROM closed_days WHERE day = new.begins;
END;
CREATE TRIGGER sums_reopen_day AFTER UPDATE ON sums WHEN new.length = 96 BEGIN
  DELETE FROM closed_days WHERE day = new.begins;
END;
