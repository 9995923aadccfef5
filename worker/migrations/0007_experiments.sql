-- Experiments: a cheaper variant of a stored route, compared with the version that counts. Points in time are in milliseconds since
-- 1970, costs in units of 10^-12 USD.
CREATE TABLE experiments (
  id TEXT PRIMARY KEY,
  route TEXT NOT NULL,
  -- The version that the variant is compared with.
  version INTEGER NOT NULL,
  at INTEGER NOT NULL,
  admin TEXT NOT NULL,
  -- What is compared and judged, and within which bounds: a JSON object.
  plan TEXT NOT NULL,
  -- The route of the variant, encrypted, because a model may have written its prompt from that of a call. Nothing: not written yet.
  variant TEXT,
  -- writing, control, running, done or stopped.
  state TEXT NOT NULL,
  -- Why it stopped.
  reason TEXT,
  -- What writing the prompt cost.
  writing_cost INTEGER NOT NULL DEFAULT 0,
  -- A step that has begun ends at this time at the latest; then another one may begin.
  busy_until INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX experiments_route ON experiments (route, at);

-- One row for each sample: what replaying and judging it showed. No row has a text.
CREATE TABLE replays (
  experiment TEXT NOT NULL,
  number INTEGER NOT NULL,
  sample TEXT NOT NULL,
  original_cost INTEGER NOT NULL,
  -- The score of an answer that is worse for certain: -1 if the judge found it. For the first rows only.
  control INTEGER,
  -- judged, failed (the variant did not answer), silent (no verdict) or gone (the sample was deleted).
  outcome TEXT,
  -- -1, 0 or 1: the variant lost, tied or won.
  score INTEGER,
  variant_cost INTEGER,
  judge_cost INTEGER NOT NULL DEFAULT 0,
  -- How often both orders were judged.
  rounds INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (experiment, number)
) STRICT;

CREATE TRIGGER experiments_delete AFTER DELETE ON experiments BEGIN
  DELETE FROM replays WHERE experiment = old.id;
END;
