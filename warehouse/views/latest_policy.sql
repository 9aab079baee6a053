-- Which strategy should be used at which difficulty and budget, as of the newest complete run?
-- grain: one bin and budget of the newest complete run of each family × benchmark × study × difficulty
-- family: what the model is a version of
-- version: number of the model version (model_history)
-- completed_at: when the run was complete
CREATE VIEW latest_policy AS
SELECT
    complete_runs.family, complete_runs.version, complete_runs.model, complete_runs.benchmark, complete_runs.study,
    policies.difficulty, policies.bin, policies.budget, policies.strategy, policies.questions, policies.accuracy, policies.lo, policies.hi,
    policies.gain, policies.gain_lo, policies.gain_hi, policies.p, policies.decided, policies.unheld,
    policies.truncated, policies.no_answer, policies.recommended,
    policies.run_id, complete_runs.model_fingerprint, complete_runs.completed_at
FROM policies
JOIN complete_runs USING (run_id)
QUALIFY rank() OVER (
    PARTITION BY complete_runs.family, complete_runs.benchmark, complete_runs.study, policies.difficulty
    ORDER BY complete_runs.completed_at DESC, policies.run_id DESC
) = 1;
