WITH
spans AS (SELECT value ->> 0 AS length, value ->> 1 AS first, value ->> 2 AS behind FROM json_each(?1)),
used AS (
  SELECT account, max(client) AS client, sum(calls) AS calls, sum(fallbacks) AS fallbacks, sum(failed) AS failed,
    sum(aborted) AS aborted, sum(cached) AS cached, sum(attempts) AS attempts, sum(prompt_tokens) AS prompt_tokens,
    sum(completion_tokens) AS completion_tokens, sum(cost) AS cost, sum(unsettled) AS unsettled,
    sum(unsettled_cost) AS unsettled_cost
  FROM spans CROSS JOIN account_sums ON account_sums.length = spans.length AND begins >= first AND begins < behind
  WHERE (?3 IS NULL OR account = ?3) AND (?4 IS NULL OR client = ?4)
  GROUP BY account HAVING sum(attempts + cached) > 0
),
ranked AS (SELECT *, row_number() OVER (ORDER BY cost + unsettled_cost DESC, calls DESC, account) AS place FROM used),
shown AS (
  SELECT min(place) AS place, iif(place > 100, '', account) AS name, iif(place > 100, '', client) AS client, count(*) AS accounts,
    sum(calls) AS calls, sum(fallbacks) AS fallbacks, sum(failed) AS failed, sum(aborted) AS aborted, sum(cached) AS cached,
    sum(attempts) AS attempts, sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens, sum(cost) AS cost,
    sum(unsettled) AS unsettled, sum(unsettled_cost) AS unsettled_cost
  FROM ranked GROUP BY min(ranked.place, 101)
)
SELECT json_group_array(json_object(
  'name', name, 'client', client, 'accounts', accounts, 'calls', calls, 'fallbacks', fallbacks, 'failed', failed,
  'aborted', aborted, 'cached', cached, 'attempts', attempts, 'promptTokens', prompt_tokens, 'completionTokens', completion_tokens,
  'usd', json({cost}), 'unsettled', unsettled, 'unsettledUsd', json({unsettled_cost})
))
FROM (SELECT * FROM shown ORDER BY place)
