INSERT INTO attempts (
  id, call, revision, at, account, client, route, feature, asked, model, provider, role, outcome, prompt_tokens,
  completion_tokens, cost, settled, generation, first_token, duration, ended, invented, version, score, upstream,
  call_first_token, call_duration, label, part
)
SELECT
  value ->> 'id', value ->> 'call', value ->> 'revision', value ->> 'at', value ->> 'account', value ->> 'client',
  value ->> 'route', value ->> 'feature', value ->> 'asked', value ->> 'model', value ->> 'provider', value ->> 'role',
  value ->> 'outcome', value ->> 'prompt_tokens', value ->> 'completion_tokens', value ->> 'cost', value ->> 'settled',
  value ->> 'generation', value ->> 'first_token', value ->> 'duration', value ->> 'ended',
  value ->> 'invented', value ->> 'version', value ->> 'score', value ->> 'upstream', value ->> 'call_first_token',
  value ->> 'call_duration',
  -- Metrics have about a thousand labels at most, whatever names upstreams answer with.
  CASE
    WHEN EXISTS (SELECT 1 FROM totals WHERE totals.model = named) THEN named
    WHEN (SELECT count(DISTINCT totals.model) FROM totals) < 1000 THEN named
    ELSE 'other'
  END,
  -- The dashboard has about a thousand features at most, whatever names clients invent.
  CASE
    WHEN value ->> 'feature' IS NULL THEN NULL
    WHEN EXISTS (SELECT 1 FROM features WHERE name = value ->> 'feature') THEN value ->> 'feature'
    WHEN (SELECT count(*) FROM features) < 1000 THEN value ->> 'feature'
    ELSE 'other'
  END
FROM (SELECT value, coalesce(value ->> 'model', iif(value ->> 'invented', 'other', value ->> 'asked' ->> 0), '') AS named FROM json_each(?1))
WHERE true
ON CONFLICT (id) DO UPDATE SET
  revision = excluded.revision, model = coalesce(excluded.model, model), provider = coalesce(excluded.provider, provider),
  outcome = excluded.outcome, prompt_tokens = coalesce(excluded.prompt_tokens, prompt_tokens),
  completion_tokens = coalesce(excluded.completion_tokens, completion_tokens), cost = excluded.cost,
  settled = excluded.settled, generation = coalesce(excluded.generation, generation),
  first_token = coalesce(first_token, excluded.first_token), duration = coalesce(duration, excluded.duration),
  ended = coalesce(ended, excluded.ended), score = coalesce(score, excluded.score),
  upstream = coalesce(upstream, excluded.upstream), call_first_token = coalesce(call_first_token, excluded.call_first_token),
  call_duration = coalesce(call_duration, excluded.call_duration), label = iif(excluded.model IS NULL AND model IS NOT NULL, label, excluded.label)
WHERE excluded.revision > attempts.revision
