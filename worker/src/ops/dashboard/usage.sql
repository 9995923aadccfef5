WITH RECURSIVE
spans AS (SELECT value ->> 0 AS length, value ->> 1 AS first, value ->> 2 AS behind FROM json_each(?1)),
-- Each whole day of the spans.
days AS (
  SELECT first AS day, behind FROM spans WHERE length = 96 AND first < behind
  UNION ALL SELECT day + 96, behind FROM days WHERE day + 96 < behind
),
-- The days whose sums by this column are there.
closed AS (SELECT day FROM days JOIN closed_days USING (day) WHERE {by_day}),
parts AS (
  SELECT length, first, behind FROM spans WHERE length = 1
  UNION ALL SELECT 96, day, day + 96 FROM days WHERE day NOT IN (SELECT day FROM closed)
),
counted AS (
  SELECT {name} AS name, outcome, ended, attempts, prompt_tokens, completion_tokens, cost, unsettled, unsettled_cost
  FROM parts CROSS JOIN {sums} AS counted ON counted.length = parts.length AND begins >= first AND begins < behind WHERE {chosen}
  UNION ALL
  SELECT name, outcome, ended, attempts, prompt_tokens, completion_tokens, cost, unsettled, unsettled_cost
  FROM closed CROSS JOIN day_sums ON dimension = {dimension} AND day_sums.day = closed.day
),
used AS (
  SELECT name, sum(iif(ended = '', 0, attempts)) AS calls, sum(iif(ended = 'fallback', attempts, 0)) AS fallbacks,
    sum(iif(ended IN ('', 'answered', 'fallback', 'aborted', 'cached'), 0, attempts)) AS failed,
    sum(iif(ended = 'aborted', attempts, 0)) AS aborted, sum(iif(ended = 'cached', attempts, 0)) AS cached,
    sum(iif(ended = 'cached', 0, attempts)) AS attempts, sum(iif(outcome = 'answered', 0, attempts)) AS failed_attempts,
    sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens, sum(cost) AS cost, sum(unsettled) AS unsettled,
    sum(unsettled_cost) AS unsettled_cost
  FROM counted GROUP BY name HAVING sum(counted.attempts) > 0
),
timed AS (
  SELECT {times} AS name, up_to, first_token, duration, call_first_token, call_duration
  FROM parts CROSS JOIN {histograms} AS timed ON timed.length = parts.length AND begins >= first AND begins < behind
  WHERE ?2 AND {chosen}
  UNION ALL
  SELECT name, up_to, first_token, duration, call_first_token, call_duration
  FROM closed CROSS JOIN day_times ON dimension = {dimension} AND day_times.day = closed.day WHERE ?2
),
measured AS (
  SELECT name, up_to, sum(first_token) AS a, sum(duration) AS b, sum(call_first_token) AS c, sum(call_duration) AS d FROM timed GROUP BY 1, 2
),
ranked AS (
  SELECT name, middle, sum(a) OVER below AS a, sum(b) OVER below AS b, sum(c) OVER below AS c, sum(d) OVER below AS d,
    sum(a) OVER whole AS all_a, sum(b) OVER whole AS all_b, sum(c) OVER whole AS all_c, sum(d) OVER whole AS all_d
  FROM measured JOIN bounds USING (up_to)
  WINDOW below AS (PARTITION BY name ORDER BY up_to), whole AS (PARTITION BY name)
),
percentiles AS (
  SELECT name, max(all_a) AS a, max(all_b) AS b, max(all_c) AS c, max(all_d) AS d,
    min(iif(all_a > 0 AND a * 2 >= all_a, middle, NULL)) AS a50, min(iif(all_a > 0 AND a * 20 >= all_a * 19, middle, NULL)) AS a95,
    min(iif(all_b > 0 AND b * 2 >= all_b, middle, NULL)) AS b50, min(iif(all_b > 0 AND b * 20 >= all_b * 19, middle, NULL)) AS b95,
    min(iif(all_c > 0 AND c * 2 >= all_c, middle, NULL)) AS c50, min(iif(all_c > 0 AND c * 20 >= all_c * 19, middle, NULL)) AS c95,
    min(iif(all_d > 0 AND d * 2 >= all_d, middle, NULL)) AS d50, min(iif(all_d > 0 AND d * 20 >= all_d * 19, middle, NULL)) AS d95
  FROM ranked GROUP BY name
)
SELECT json_group_array(json_object(
  'name', name, 'calls', calls, 'fallbacks', fallbacks, 'failed', failed, 'aborted', aborted, 'cached', cached,
  'attempts', attempts, 'failedAttempts', failed_attempts, 'promptTokens', prompt_tokens, 'completionTokens', completion_tokens,
  'usd', json({cost}), 'unsettled', unsettled, 'unsettledUsd', json({unsettled_cost}),
  'firstToken', json_object('count', coalesce(c, 0), 'p50', c50, 'p95', c95),
  'duration', json_object('count', coalesce(d, 0), 'p50', d50, 'p95', d95),
  'attemptFirstToken', json_object('count', coalesce(a, 0), 'p50', a50, 'p95', a95),
  'attemptDuration', json_object('count', coalesce(b, 0), 'p50', b50, 'p95', b95)
))
FROM (SELECT * FROM used LEFT JOIN percentiles USING (name) ORDER BY cost + unsettled_cost DESC, calls DESC, name)
