-- A Durable Object runs each experiment, one step after the other, so no step needs to be claimed.
ALTER TABLE experiments DROP COLUMN busy_until;
-- Why the last step failed, or what the experiment waits for. The step is made again.
ALTER TABLE experiments ADD COLUMN problem TEXT;
