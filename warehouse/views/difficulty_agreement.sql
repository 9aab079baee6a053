-- How well is difficulty told without the targets: by the verifier, by a probe of a few draws, by an earlier run?
-- grain: one difficulty of one run, against its oracle difficulty
-- questions: questions that both have binned
-- rank_correlation: Spearman's, between the values; NULL where one of them is the same for all questions
-- same_bin: share of the questions in the same bin
-- within_one: share of the questions at most one bin apart
CREATE VIEW difficulty_agreement AS
WITH ranked AS (
    SELECT
        *,
        rank() OVER (PARTITION BY run_id, difficulty ORDER BY value)
            + (count(*) OVER (PARTITION BY run_id, difficulty, value) - 1) / 2e0 AS place -- ties share the mean place
    FROM bins
)
SELECT
    run_id, told.difficulty,
    count(*) AS questions,
    if(stddev_pop(told.place) > 0 AND stddev_pop(oracle.place) > 0, corr(told.place, oracle.place), NULL) AS rank_correlation,
    avg((told.bin = oracle.bin)::INTEGER) AS same_bin,
    avg((abs(told.bin - oracle.bin) <= 1)::INTEGER) AS within_one
FROM ranked AS told
JOIN ranked AS oracle USING (run_id, question_id)
WHERE told.difficulty <> 'oracle' AND oracle.difficulty = 'oracle'
GROUP BY ALL;
