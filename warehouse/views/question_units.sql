-- Which questions of a run count together, as those on one passage do?
-- grain: one question of one run
-- unit: its group, or the question alone
CREATE VIEW question_units AS
SELECT run_id, question_id, coalesce('group ' || question_group, 'question ' || question_id) AS unit
FROM runs JOIN run_questions USING (run_id) JOIN questions USING (benchmark_fingerprint, question_id);
