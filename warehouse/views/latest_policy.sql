-- Which strategy should be used at which difficulty and budget, as of the newest complete run?
-- grain: one bin and budget of the newest complete run of each family × benchmark × study × difficulty
-- family: what the model is a version of
-- version: number of the model version (model_history)
-- completed_at: when the run was complete
-- adapts: FALSE: adapting is not ahead of one strategy for all at this budget (METHOD §14); NULL: not computed
-- advised: the strategy to use: that of the bin, or where adapting is not ahead the one for all
CREATE VIEW latest_policy AS
SELECT
    complete_runs.family, complete_runs.version, complete_runs.model, complete_runs.benchmark, complete_runs.study,
    policies.difficulty, policies.bin, policies.budget, policies.strategy, policies.questions, policies.accuracy, policies.lo, policies.hi,
    policies.gain, policies.gain_lo, policies.gain_hi, policies.p, policies.decided, policies.unheld,
    policies.truncated, policies.no_answer, policies.recommended,
    curves.adapts,
    CASE WHEN curves.adapts IS FALSE THEN curves.fixed ELSE policies.strategy END AS advised,
    policies.run_id, complete_runs.model_fingerprint, complete_runs.completed_at
FROM policies
JOIN complete_runs USING (run_id)
LEFT JOIN curves
    ON curves.run_id = policies.run_id AND curves.difficulty = policies.difficulty
    AND curves.budget = policies.budget
QUALIFY rank() OVER (
    PARTITION BY complete_runs.family, complete_runs.benchmark, complete_runs.study, policies.difficulty
    ORDER BY complete_runs.completed_at DESC, policies.run_id DESC
) = 1;
