-- How accurate is each strategy at each budget, over all questions and by difficulty, and what does it cost?
-- grain: one strategy at one budget in one bin of one difficulty of one run; bin 0 of difficulty 'all' is all questions
-- difficulty: 'oracle', 'predicted', 'probe', 'frozen', or 'all' (with bin 0)
-- bin: 1 easiest … 5 hardest; 0: all questions
-- questions: questions with an outcome in this cell
-- accuracy: mean over questions of the expected share of correct answers
-- lo: lower end of the 95 % interval (Wilson, with the variance between questions in place of a coin's; questions of one group count together)
-- hi: upper end of that interval
-- mc_error: Monte-Carlo standard error of accuracy, part of the interval; 0 where exact
-- generations: mean generations consumed on a question
-- generated_tokens: mean tokens generated for a question, as if the strategy ran alone
-- prompt_tokens: mean prompt tokens of a question, likewise
-- verifier_tokens: mean tokens the verifier read for a question, likewise
-- cached_tokens: of prompt_tokens, those sent or written before, likewise; NULL: unknown, as for all that follow
-- latency_tokens: mean tokens of the longest path: parallel draws cost the slowest, rounds add up
-- flops: mean FLOPs spent on a question, as if the strategy ran alone
-- money: mean money spent on a question, at the study's prices
-- engine_seconds: mean seconds of engine time of a question, at the measured pace
-- latency_seconds: mean seconds of the longest path, at the pace at which requests were answered
-- no_answer: mean share of completions without an answer
-- truncated: mean share of completions cut, at the token limit or by the rounds of a search
-- out_of_rounds: of these, mean share of completions that could go on when the rounds ended; NULL: not counted
-- forced_ends: mean share of completions whose thinking was cut and whose answer follows that; NULL: nothing caps it
CREATE VIEW accuracy AS
WITH placed AS (
    SELECT 'all' AS difficulty, 0 AS bin, * FROM outcomes
    UNION ALL BY NAME
    SELECT bins.difficulty, bins.bin, outcomes.* FROM outcomes JOIN bins USING (run_id, question_id)
), cells AS (
    SELECT
        run_id, difficulty, bin, strategy, budget,
        count(*) AS questions,
        avg(accuracy) AS accuracy,
        CASE WHEN count(*) > 1 THEN var_samp(accuracy) END AS variance,
        effective_questions(avg(accuracy), count(*), CASE WHEN count(*) > 1 THEN var_samp(accuracy) END) AS effective,
        sqrt(sum(mc_error * mc_error)) / count(*) AS mc_error,
        avg(generations) AS generations,
        avg(generated_tokens) AS generated_tokens,
        avg(prompt_tokens) AS prompt_tokens,
        avg(verifier_tokens) AS verifier_tokens,
        avg(cached_tokens) AS cached_tokens,
        avg(latency_tokens) AS latency_tokens,
        avg(flops) AS flops,
        avg(money) AS money,
        avg(engine_seconds) AS engine_seconds,
        avg(latency_seconds) AS latency_seconds,
        avg(no_answer) AS no_answer,
        avg(truncated) AS truncated,
        avg(out_of_rounds) AS out_of_rounds,
        avg(forced_ends) AS forced_ends
    FROM placed
    GROUP BY ALL
), units AS (
    SELECT run_id, difficulty, bin, strategy, budget, unit, sum(accuracy) AS correct, count(*) AS size
    FROM placed JOIN grouped_units USING (run_id, question_id)
    GROUP BY ALL
), designs AS (
    SELECT run_id, difficulty, bin, strategy, budget,
        design_effect(correct, size, accuracy, questions, variance) AS design
    FROM units JOIN cells USING (run_id, difficulty, bin, strategy, budget)
    WHERE variance > 0
    GROUP BY run_id, difficulty, bin, strategy, budget
)
SELECT
    run_id, difficulty, bin, strategy, budget, questions, accuracy,
    wilson_lo(accuracy, effective / greatest(coalesce(design, 1), 1)) AS lo,
    wilson_hi(accuracy, effective / greatest(coalesce(design, 1), 1)) AS hi,
    mc_error, generations, generated_tokens, prompt_tokens, verifier_tokens,
    cached_tokens, latency_tokens, flops, money, engine_seconds, latency_seconds, no_answer, truncated, out_of_rounds,
    forced_ends
FROM cells LEFT JOIN designs USING (run_id, difficulty, bin, strategy, budget);
