-- What does a run still owe?
-- grain: one strategy at one budget that one run owes
-- owed: questions the run owes
-- done: of these, questions that have an outcome
-- missing: of these, questions that have none
CREATE VIEW completeness AS
SELECT
    run_cells.run_id, run_cells.strategy, run_cells.budget,
    count(*) AS owed,
    count(outcomes.question_id) AS done,
    count(*) - count(outcomes.question_id) AS missing
FROM run_cells
JOIN run_questions USING (run_id)
LEFT JOIN outcomes USING (run_id, strategy, budget, question_id)
GROUP BY run_cells.run_id, run_cells.strategy, run_cells.budget;
