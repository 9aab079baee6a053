-- How many tokens did sharing draws between strategies and budgets save?
-- grain: one run
-- alone_tokens: tokens generated if every strategy had drawn at every budget for itself
-- drawn_tokens: tokens that the run generated for them, difficulty and the larger model left out; draws of earlier runs cost it nothing
-- share: drawn_tokens / alone_tokens
CREATE VIEW sharing AS
WITH alone AS (
    SELECT run_id, sum(generated_tokens) AS alone_tokens
    FROM outcomes
    WHERE strategy <> 'pass'
    GROUP BY run_id
), drawn AS (
    SELECT run_id, sum(generated_tokens)::BIGINT AS drawn_tokens
    FROM cost_by_role
    WHERE role NOT IN ('difficulty', 'exchange', 'verifier')
    GROUP BY run_id
)
SELECT
    alone.run_id, alone.alone_tokens, coalesce(drawn.drawn_tokens, 0) AS drawn_tokens,
    coalesce(drawn.drawn_tokens, 0) / alone.alone_tokens AS share
FROM alone
LEFT JOIN drawn USING (run_id);
