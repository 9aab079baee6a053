-- How accurate is each strategy that chooses from a pool when a question may cost so many tokens?
-- grain: one strategy at one budget in tokens of one run, over all its questions
-- token_budget: generated tokens that a question may cost: completions are drawn one after the other until the next would not fit
-- questions: questions with an outcome
-- accuracy: mean over questions of the expected share of correct answers
-- lo: lower end of the 95 % interval (Wilson, with the variance between questions in place of a coin's; questions of one group count together)
-- hi: upper end of that interval
-- mc_error: Monte-Carlo standard error of accuracy; 0 where exact
-- generations: mean number of completions that ended within the budget
-- generated_tokens: mean tokens of a question, those of the completion that was cut included
-- cut: mean share of orders in which a completion was in flight when the budget was spent
CREATE VIEW accuracy_at_tokens AS
WITH cells AS (
    SELECT
        run_id, strategy, token_budget,
        count(*) AS questions,
        avg(accuracy) AS accuracy,
        CASE WHEN count(*) > 1 THEN var_samp(accuracy) END AS variance,
        effective_questions(avg(accuracy), count(*), CASE WHEN count(*) > 1 THEN var_samp(accuracy) END) AS effective,
        sqrt(sum(mc_error * mc_error)) / count(*) AS mc_error,
        avg(generations) AS generations,
        avg(generated_tokens) AS generated_tokens,
        avg(cut) AS cut
    FROM token_outcomes
    GROUP BY ALL
), units AS (
    SELECT run_id, strategy, token_budget, unit, sum(accuracy) AS correct, count(*) AS size
    FROM token_outcomes JOIN grouped_units USING (run_id, question_id)
    GROUP BY ALL
), designs AS (
    SELECT run_id, strategy, token_budget,
        design_effect(correct, size, accuracy, questions, variance) AS design
    FROM units JOIN cells USING (run_id, strategy, token_budget)
    WHERE variance > 0
    GROUP BY run_id, strategy, token_budget
)
SELECT
    run_id, strategy, token_budget, questions, accuracy,
    wilson_lo(accuracy, effective / greatest(coalesce(design, 1), 1)) AS lo,
    wilson_hi(accuracy, effective / greatest(coalesce(design, 1), 1)) AS hi,
    mc_error, generations, generated_tokens, cut
FROM cells LEFT JOIN designs USING (run_id, strategy, token_budget);
