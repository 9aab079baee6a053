-- How should one budget be spread over questions of different difficulty, and what is that worth?
-- grain: one average budget of the newest complete run of each model × benchmark × study × difficulty
-- budget: generations allowed on a question on average
-- spent: generations used on average: less where more of them gain nothing
-- uniform: cross-validated accuracy with that budget on every question
-- accuracy: cross-validated accuracy with the budget spent by marginal gain over bins
-- gain: accuracy minus uniform
-- gain_lo: lower end of its 95 % interval, paired
-- gain_hi: upper end of that interval
-- bin_budgets: mean budget of each bin's questions, easiest bin first
CREATE VIEW fleet AS
SELECT
    newest.model, newest.benchmark, newest.study, allocations.difficulty, allocations.budget, allocations.spent,
    allocations.uniform, allocations.accuracy, allocations.gain, allocations.gain_lo, allocations.gain_hi,
    allocations.bin_budgets, allocations.run_id
FROM allocations
JOIN (SELECT DISTINCT model, benchmark, study, difficulty, run_id FROM latest_policy) AS newest USING (run_id, difficulty);
