-- What does a correct answer cost under each strategy and budget?
-- grain: one strategy at one budget in one run, over all its questions, as if the strategy ran alone
-- questions: questions with an outcome
-- correct: expected number of correct answers among them
-- generations_per_correct: generations for one correct answer; NULL where nothing is correct
-- tokens_per_correct: generated tokens for one correct answer, likewise
-- flops_per_correct: FLOPs for one correct answer, verifier included, likewise
-- money_per_correct: money for one correct answer at the study's prices, verifier included, likewise; NULL too where a price is unknown
CREATE VIEW cost_per_correct AS
SELECT
    run_id, strategy, budget,
    count(*) AS questions,
    sum(accuracy) AS correct,
    sum(generations) / nullif(sum(accuracy), 0) AS generations_per_correct,
    sum(generated_tokens) / nullif(sum(accuracy), 0) AS tokens_per_correct,
    sum(flops) / nullif(sum(accuracy), 0) AS flops_per_correct,
    sum(money) / nullif(sum(accuracy), 0) AS money_per_correct
FROM outcomes
GROUP BY ALL;
