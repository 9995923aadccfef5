-- The sums over the calls of two versions of a route, a row for each version. ?1: the route, ?2 and ?3: the versions, ?4: since
-- when. Times are in milliseconds, costs in units of 10^-12 USD. An answer from the cache says nothing about its version, so it counts
-- in the last column only, which has all calls.
WITH calls AS (
  SELECT
    version, max(ended) AS ended, max(settled = 'unsettled') AS unsettled, sum(iif(role = 'cached', NULL, cost)) * 1.0 AS cost, max(score) * 1.0 AS score,
    max(iif(role = 'cached', NULL, call_duration)) * 1.0 AS duration,
    max(iif(role = 'cached', NULL, call_first_token)) * 1.0 AS first_token
  FROM attempts
  WHERE route = ?1 AND version IN (?2, ?3) AND at >= ?4
  GROUP BY version, substr(id, 1, instr(id || '/', '/'))
)
SELECT
  version, count(*) - sum(ended IS 'cached'), sum(ended = 'fallback'),
  sum(ended NOT IN ('answered', 'fallback', 'aborted', 'cached')), sum(ended = 'aborted'),
  sum(unsettled),
  count(cost), sum(cost), sum(cost * cost), count(duration), sum(duration), sum(duration * duration),
  count(first_token), sum(first_token), sum(first_token * first_token), count(score), sum(score), sum(score * score), count(*)
FROM calls
GROUP BY version
