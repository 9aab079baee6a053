-- How accurate is each strategy that chooses from a pool when a question may cost so many tokens?
-- grain: one strategy at one budget in tokens of one run, over all its questions
-- token_budget: generated tokens that a question may cost: completions are drawn one after the other until the next would not fit
-- questions: questions with an outcome
-- accuracy: mean over questions of the expected share of correct answers
-- lo: lower end of the 95 % interval (Wilson, with the variance between questions in place of a coin's)
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
        effective_questions(avg(accuracy), count(*), CASE WHEN count(*) > 1 THEN var_samp(accuracy) END) AS effective,
        sqrt(sum(mc_error * mc_error)) / count(*) AS mc_error,
        avg(generations) AS generations,
        avg(generated_tokens) AS generated_tokens,
        avg(cut) AS cut
    FROM token_outcomes
    GROUP BY ALL
)
SELECT
    run_id, strategy, token_budget, questions, accuracy,
    wilson_lo(accuracy, effective) AS lo,
    wilson_hi(accuracy, effective) AS hi,
    mc_error, generations, generated_tokens, cut
FROM cells;
