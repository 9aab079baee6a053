-- Which questions count together, in the runs in which any do?
-- grain: one question of one run
-- unit: its group, or the question alone
CREATE VIEW grouped_units AS
SELECT * FROM question_units SEMI JOIN (
    SELECT run_id FROM runs JOIN questions USING (benchmark_fingerprint) WHERE question_group IS NOT NULL
) USING (run_id);
