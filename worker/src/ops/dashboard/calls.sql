WITH
firsts AS (
  SELECT *, substr(id, 1, length(id) - 1) AS own FROM attempts AS first
  WHERE ended IS NOT NULL AND at >= ?1 AND at < ?2 AND (?10 IS NULL OR at < ?10 OR (at = ?10 AND id < ?11))
    AND (?3 IS NULL OR coalesce(route, '') = ?3) AND (?4 IS NULL OR coalesce(part, feature, '') = ?4)
    AND (?5 IS NULL OR client = ?5) AND (?7 IS NULL OR account = ?7)
    AND (?8 IS NULL OR ended = ?8 OR (?8 = 'failed' AND ended NOT IN ('answered', 'fallback', 'aborted', 'cached')))
    AND (?6 IS NULL OR EXISTS (
      SELECT 1 FROM attempts AS each
      WHERE each.id >= substr(first.id, 1, length(first.id) - 1) AND each.id < substr(first.id, 1, length(first.id) - 2) || '0'
        AND coalesce(each.label, each.model, each.asked ->> 0, '') = ?6
    ))
    AND (?9 IS NULL OR call = ?9 OR id = ?9 OR substr(id, 1, length(id) - 2) = ?9 OR EXISTS (
      SELECT 1 FROM attempts AS each
      WHERE each.id >= substr(first.id, 1, length(first.id) - 1) AND each.id < substr(first.id, 1, length(first.id) - 2) || '0'
        AND each.generation = ?9
    ))
  ORDER BY at DESC, id DESC LIMIT ?12
)
SELECT json_object(
  'id', id, 'call', call, 'at', at, 'account', account, 'client', client, 'route', route, 'feature', feature, 'ended', ended,
  'firstToken', call_first_token, 'duration', call_duration, 'attempts', (
    SELECT json_group_array(json_object(
      'id', id, 'at', at, 'asked', json(asked), 'model', model, 'provider', provider, 'upstream', upstream, 'role', role,
      'outcome', outcome, 'promptTokens', prompt_tokens, 'completionTokens', completion_tokens, 'usd', json({cost}),
      'settled', settled, 'generation', generation, 'firstToken', first_token, 'duration', duration
    ))
    FROM (
      SELECT * FROM attempts AS each
      WHERE each.id >= firsts.own AND each.id < substr(firsts.own, 1, length(firsts.own) - 1) || '0' ORDER BY at, length(id), id
    )
  )
)
FROM firsts ORDER BY at DESC, id DESC
