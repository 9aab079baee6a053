-- What is each answer worth, by the newest grader that judged it?
-- grain: one distinct answer of one question
-- grader: the greatest grader version among those that judged it
CREATE VIEW verdicts AS
SELECT
    benchmark_fingerprint, question_id, canonical,
    arg_max(verdict, grader) AS verdict,
    max(grader) AS grader
FROM grades
GROUP BY benchmark_fingerprint, question_id, canonical;
