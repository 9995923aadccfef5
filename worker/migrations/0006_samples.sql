-- The text of a part of the calls of routes with `sampling`, encrypted, until it expires. Points in time are in milliseconds since
-- 1970.
CREATE TABLE samples (
  -- The edge's own id of the call.
  id TEXT PRIMARY KEY,
  route TEXT NOT NULL,
  -- The version of the route; nothing for a route of the configuration.
  version INTEGER,
  account TEXT NOT NULL,
  at INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  -- What all attempts of the call cost, in units of 10^-12 USD.
  cost INTEGER NOT NULL,
  -- Request and answer, encrypted.
  text TEXT NOT NULL
) STRICT;

CREATE INDEX samples_route ON samples (route, at);
CREATE INDEX samples_account ON samples (account);
CREATE INDEX samples_expires ON samples (expires);

-- The newest 500 of a route stay, and the newest 2,000 of all.
CREATE TRIGGER samples_bound AFTER INSERT ON samples BEGIN
  DELETE FROM samples WHERE id IN (SELECT id FROM samples WHERE route = new.route ORDER BY at DESC LIMIT -1 OFFSET 500);
  DELETE FROM samples WHERE id IN (SELECT id FROM samples ORDER BY at DESC LIMIT -1 OFFSET 2000);
END;
