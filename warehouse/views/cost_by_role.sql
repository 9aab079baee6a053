-- What did a run really spend, and on what? (Draws shared with earlier runs cost it nothing; what was pruned since still counts.)
-- grain: one role in one run
-- role: proposer | difficulty | lookahead | revision (in sight of other attempts) | extension (of thinking) | answer (after
--     thinking that was cut) | selection (which attempt is best) | exchange (the larger model) | verifier
-- requests: requests sent to the engine (or to the verifier)
-- draws: draws paid for; 0 for the verifier
-- scores: scores paid for; 0 for the generator's roles
-- generated_tokens: tokens generated
-- thinking_tokens: of these, thinking; NULL where the format knows none, and for the verifier
-- answer_tokens: of these, what follows thinking; NULL likewise
-- prompt_tokens: prompt tokens sent, those answered from the prefix cache included
-- cached_tokens: prompt tokens answered from the prefix cache
-- verifier_tokens: tokens the verifier read
-- flops: 2 · parameters · tokens computed (a cached token is not); NULL: parameters unknown
CREATE VIEW cost_by_role AS
SELECT
    draws.run_id,
    draws.role,
    sum(draws.requests)::BIGINT AS requests,
    count(*) AS draws,
    0::BIGINT AS scores,
    sum(draws.generated_tokens)::BIGINT AS generated_tokens,
    sum(draws.thinking_tokens)::BIGINT AS thinking_tokens,
    sum(draws.generated_tokens - draws.thinking_tokens)::BIGINT AS answer_tokens,
    sum(draws.prompt_tokens)::BIGINT AS prompt_tokens,
    sum(draws.cached_tokens)::BIGINT AS cached_tokens,
    0::BIGINT AS verifier_tokens,
    sum(2e0 * model_versions.parameters
        * (draws.generated_tokens + draws.prompt_tokens - draws.cached_tokens)) AS flops
FROM draws
LEFT JOIN model_versions USING (model_fingerprint)
WHERE draws.run_id NOT IN (SELECT run_id FROM settled_costs)
GROUP BY draws.run_id, draws.role
UNION ALL BY NAME
SELECT
    scores.run_id,
    'verifier' AS role,
    sum(scores.requests)::BIGINT AS requests,
    0::BIGINT AS draws,
    count(*) AS scores,
    0::BIGINT AS generated_tokens,
    NULL::BIGINT AS thinking_tokens,
    NULL::BIGINT AS answer_tokens,
    0::BIGINT AS prompt_tokens,
    0::BIGINT AS cached_tokens,
    sum(scores.tokens * scores.requests)::BIGINT AS verifier_tokens,
    sum(2e0 * model_versions.parameters * scores.tokens * scores.requests) AS flops
FROM scores
LEFT JOIN model_versions ON model_versions.model_fingerprint = scores.verifier_fingerprint
WHERE scores.run_id NOT IN (SELECT run_id FROM settled_costs)
GROUP BY scores.run_id
UNION ALL BY NAME
FROM settled_costs;
