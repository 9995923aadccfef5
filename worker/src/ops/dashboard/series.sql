WITH
picked AS ({picked}),
counted AS (
  SELECT begins AS quarter, sum(iif(ended = '', 0, attempts)) AS calls, sum(iif(ended = 'fallback', attempts, 0)) AS fallbacks,
    sum(iif(ended IN ('', 'answered', 'fallback', 'aborted', 'cached'), 0, attempts)) AS failed, sum(cost) AS cost,
    sum(unsettled_cost) AS unsettled_cost
  FROM picked GROUP BY begins
),
parts AS (SELECT value AS begins, lead(value, 1, ?2) OVER (ORDER BY value) AS ends FROM json_each(?7)),
series AS (
  SELECT parts.begins, coalesce(sum(calls), 0) AS calls, coalesce(sum(fallbacks), 0) AS fallbacks, coalesce(sum(failed), 0) AS failed,
    coalesce(sum(cost), 0) AS cost, coalesce(sum(unsettled_cost), 0) AS unsettled_cost
  FROM parts LEFT JOIN counted ON quarter >= parts.begins AND quarter < ends GROUP BY parts.begins
),
fallback_causes AS (SELECT outcome AS name, sum(attempts) AS count FROM picked WHERE ended = 'fallback' GROUP BY 1),
failures AS (
  SELECT ended AS name, sum(attempts) AS count FROM picked WHERE ended NOT IN ('', 'answered', 'fallback', 'cached') GROUP BY 1
),
attempt_failures AS (SELECT outcome AS name, sum(attempts) AS count FROM picked WHERE outcome <> 'answered' GROUP BY 1)
SELECT json_object(
  'series', (
    SELECT json_group_array(json_object('at', begins * 900000, 'calls', calls, 'fallbacks', fallbacks, 'failed', failed,
      'usd', json({cost}), 'unsettledUsd', json({unsettled_cost})))
    FROM (SELECT * FROM series ORDER BY begins)
  ),
  'fallbackCauses', (SELECT json_group_array(json_object('name', name, 'calls', count)) FROM (SELECT * FROM fallback_causes WHERE count > 0 ORDER BY count DESC, name)),
  'failures', (SELECT json_group_array(json_object('name', name, 'calls', count)) FROM (SELECT * FROM failures WHERE count > 0 ORDER BY count DESC, name)),
  'attemptFailures', (SELECT json_group_array(json_object('name', name, 'attempts', count)) FROM (SELECT * FROM attempt_failures WHERE count > 0 ORDER BY count DESC, name))
)
