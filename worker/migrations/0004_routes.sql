-- Routes that the owner edits without a deployment. Points in time are in milliseconds since 1970.

-- One row for each name that was ever used. The row says which version counts. The row of a deleted route stays, so that the
-- numbers of its versions are never used again.
CREATE TABLE routes (
  name TEXT PRIMARY KEY,
  -- The version in use. Nothing: the route is deleted, or has no version yet.
  current INTEGER,
  -- The version that a part of the calls gets in place of the current one, and which part: a JSON object.
  split_version INTEGER,
  split TEXT,
  latest INTEGER NOT NULL,
  -- Each change of any route has the next number. Isolates read the rows with a number that is higher than they know.
  changed INTEGER NOT NULL,
  at INTEGER NOT NULL,
  -- The admin who made the last change.
  admin TEXT NOT NULL
) STRICT;

CREATE INDEX routes_changed ON routes (changed);

-- A version never changes.
CREATE TABLE route_versions (
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  -- The route: a JSON object, as in the configuration.
  route TEXT NOT NULL,
  -- If the version began as a part of the calls: which part.
  split TEXT,
  note TEXT,
  at INTEGER NOT NULL,
  admin TEXT NOT NULL,
  PRIMARY KEY (name, version)
) STRICT;

-- A new version counts at once: for all calls, or for a part of them.
CREATE TRIGGER route_versions_publish AFTER INSERT ON route_versions BEGIN
  UPDATE routes SET
    latest = new.version, current = iif(new.split IS NULL, new.version, current),
    split_version = iif(new.split IS NULL, NULL, new.version), split = new.split,
    changed = (SELECT max(changed) + 1 FROM routes), at = new.at, admin = new.admin
  WHERE name = new.name;
  -- The newest 500 versions stay, and those that are in use.
  DELETE FROM route_versions
  WHERE name = new.name AND version <= new.version - 500
    AND NOT EXISTS (SELECT 1 FROM routes WHERE routes.name = new.name AND version IN (current, split_version));
END;

-- The version of the stored route that answered, and the judge's score on the row of a judge.
ALTER TABLE attempts ADD COLUMN version INTEGER;
ALTER TABLE attempts ADD COLUMN score INTEGER;
CREATE INDEX attempts_version ON attempts (route, at) WHERE version IS NOT NULL;
