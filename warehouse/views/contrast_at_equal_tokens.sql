-- Is a strategy better than a baseline that spends as many tokens, on the same questions?
-- grain: one strategy at one budget of run `run`, over questions that both have; none where its mean tokens are outside the baseline's budgets
-- generated_tokens: mean tokens generated for a question by the strategy
-- accuracy: accuracy of the strategy
-- baseline_accuracy: accuracy of the baseline at as many tokens: straight between its two nearest budgets, in the logarithm of tokens
-- difference: accuracy minus baseline_accuracy
-- lo: lower end of the paired 95 % interval of the difference (normal, over questions, those of one group together); NULL for one
-- hi: upper end of that interval
CREATE MACRO contrast_at_equal_tokens(run, baseline_key) AS TABLE
WITH means AS (
    SELECT strategy, budget, avg(generated_tokens) AS tokens
    FROM outcomes WHERE run_id = run GROUP BY strategy, budget
), stretches AS (
    SELECT
        budget AS below, tokens AS tokens_below,
        lead(budget) OVER nearest AS above,
        lead(tokens) OVER nearest AS tokens_above
    FROM means WHERE strategy = baseline_key
    WINDOW nearest AS (ORDER BY budget)
), placed AS (
    -- A mean may differ from an equal one in its last digits.
    SELECT
        strategy, budget, tokens, below, above,
        greatest(least(ln(tokens / tokens_below) / ln(tokens_above / tokens_below), 1), 0) AS share
    FROM means
    JOIN stretches ON tokens >= tokens_below * (1 - 1e-9) AND tokens <= tokens_above * (1 + 1e-9)
    WHERE strategy NOT IN (baseline_key, 'pass')
    QUALIFY row_number() OVER (PARTITION BY strategy, budget ORDER BY below) = 1
), paired AS (
    SELECT
        placed.strategy, placed.budget, placed.tokens, own.run_id, own.question_id, own.accuracy,
        (1 - share) * lower_end.accuracy + share * upper_end.accuracy AS of_baseline
    FROM placed
    JOIN outcomes AS own ON own.run_id = run AND own.strategy = placed.strategy AND own.budget = placed.budget
    JOIN outcomes AS lower_end ON lower_end.run_id = run AND lower_end.question_id = own.question_id
        AND lower_end.strategy = baseline_key AND lower_end.budget = below
    JOIN outcomes AS upper_end ON upper_end.run_id = run AND upper_end.question_id = own.question_id
        AND upper_end.strategy = baseline_key AND upper_end.budget = above
), compared AS (
    SELECT
        strategy, budget, count(*) AS questions, any_value(tokens) AS generated_tokens,
        avg(accuracy) AS accuracy, avg(of_baseline) AS baseline_accuracy, avg(accuracy - of_baseline) AS difference
    FROM paired GROUP BY strategy, budget
), units AS (
    SELECT strategy, budget, coalesce(unit, question_id) AS unit, sum(accuracy - of_baseline) AS gaps, count(*) AS size
    FROM paired LEFT JOIN question_units USING (run_id, question_id)
    GROUP BY ALL
), errors AS (
    SELECT strategy, budget, error_of_mean(gaps, size, difference, questions) AS error
    FROM units JOIN compared USING (strategy, budget) GROUP BY strategy, budget
)
SELECT
    strategy, budget, questions, generated_tokens, accuracy, baseline_accuracy, difference,
    difference - 1.959963984540054e0 * error AS lo,
    difference + 1.959963984540054e0 * error AS hi
FROM compared JOIN errors USING (strategy, budget)
ORDER BY strategy, budget;
