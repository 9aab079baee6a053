-- Is strategy a at one budget better than strategy b at another, on the same questions?
-- grain: one bin of difficulty `diff` of run `run` (bin 0: all questions); questions that both have
-- questions: questions with an outcome under both
-- accuracy_a: accuracy of a on these questions
-- accuracy_b: accuracy of b on these questions
-- difference: accuracy_a minus accuracy_b
-- lo: lower end of the paired 95 % interval of the difference (normal, over questions); NULL for one question
-- hi: upper end of that interval
CREATE MACRO contrast(run, diff, strategy_a, budget_a, strategy_b, budget_b) AS TABLE
WITH paired AS (
    SELECT a.question_id, a.accuracy AS of_a, b.accuracy AS of_b, a.accuracy - b.accuracy AS gap
    FROM outcomes AS a
    JOIN outcomes AS b USING (run_id, question_id)
    WHERE a.run_id = run AND a.strategy = strategy_a AND a.budget = budget_a
        AND b.strategy = strategy_b AND b.budget = budget_b
), placed AS (
    SELECT 0 AS bin, * FROM paired
    UNION ALL
    SELECT bins.bin, paired.* FROM paired
    JOIN bins ON bins.run_id = run AND bins.difficulty = diff AND bins.question_id = paired.question_id
)
SELECT
    bin,
    count(*) AS questions,
    avg(of_a) AS accuracy_a,
    avg(of_b) AS accuracy_b,
    avg(gap) AS difference,
    avg(gap) - 1.959963984540054e0 * CASE WHEN count(*) > 1 THEN stddev_samp(gap) END / sqrt(count(*)) AS lo,
    avg(gap) + 1.959963984540054e0 * CASE WHEN count(*) > 1 THEN stddev_samp(gap) END / sqrt(count(*)) AS hi
FROM placed
GROUP BY bin
ORDER BY bin;
