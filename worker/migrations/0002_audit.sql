-- What the owner changed: one row for each request to /admin that the admin token allowed, except those that only read.
CREATE TABLE audit (
  -- Milliseconds since 1970.
  at INTEGER NOT NULL,
  -- The request id, which the log has, too.
  request TEXT NOT NULL,
  method TEXT NOT NULL,
  path TEXT NOT NULL,
  status INTEGER NOT NULL
) STRICT;

CREATE INDEX audit_at ON audit (at);
