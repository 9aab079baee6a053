-- What is each answer worth, by the grader of the run?
-- grain: one distinct answer of one question that one run owes, whoever gave it
-- grader: version of the run's grader; other versions' verdicts stand in table grades
CREATE VIEW verdicts AS
SELECT runs.run_id, benchmark_fingerprint, question_id, grades.canonical, grades.verdict, grader
FROM runs
JOIN run_questions USING (run_id)
JOIN grades USING (benchmark_fingerprint, question_id, grader);
