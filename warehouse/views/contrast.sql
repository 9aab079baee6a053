-- Is strategy a at one budget better than strategy b at another, on the same questions?
-- grain: one bin of difficulty `diff` of run `run` (bin 0: all questions); questions that both have
-- questions: questions with an outcome under both
-- accuracy_a: accuracy of a on these questions
-- accuracy_b: accuracy of b on these questions
-- difference: accuracy_a minus accuracy_b
-- lo: lower end of the paired 95 % interval of the difference (normal, over questions, those of one group together); NULL for one
-- hi: upper end of that interval
CREATE MACRO contrast(run, diff, strategy_a, budget_a, strategy_b, budget_b) AS TABLE
WITH paired AS (
    SELECT run_id, a.question_id, a.accuracy AS of_a, b.accuracy AS of_b, a.accuracy - b.accuracy AS gap
    FROM outcomes AS a
    JOIN outcomes AS b USING (run_id, question_id)
    WHERE a.run_id = run AND a.strategy = strategy_a AND a.budget = budget_a
        AND b.strategy = strategy_b AND b.budget = budget_b
), placed AS (
    SELECT 0 AS bin, * FROM paired
    UNION ALL
    SELECT bins.bin, paired.* FROM paired
    JOIN bins ON bins.run_id = run AND bins.difficulty = diff AND bins.question_id = paired.question_id
), means AS (
    SELECT bin, count(*) AS questions, avg(of_a) AS accuracy_a, avg(of_b) AS accuracy_b, avg(gap) AS difference
    FROM placed GROUP BY bin
), units AS (
    SELECT bin, coalesce(unit, question_id) AS unit, sum(gap) AS gaps, count(*) AS size
    FROM placed LEFT JOIN question_units USING (run_id, question_id)
    GROUP BY ALL
), errors AS (
    SELECT bin, error_of_mean(gaps, size, difference, questions) AS error
    FROM units JOIN means USING (bin) GROUP BY bin
)
SELECT
    bin, questions, accuracy_a, accuracy_b, difference,
    difference - 1.959963984540054e0 * error AS lo,
    difference + 1.959963984540054e0 * error AS hi
FROM means JOIN errors USING (bin)
ORDER BY bin;
