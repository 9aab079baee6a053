-- Which strategy at which budget should be used when a question may cost so much along an axis?
-- grain: one bin at one level of one cost axis, from the newest complete run of each family × benchmark × study × difficulty
-- family: what the model is a version of
-- version: number of the model version (model_history)
-- axis: 'generations', 'tokens', 'money', 'latency' (tokens in a row), 'flops', 'seconds' (of engine time), or 'token_budgets' (the study's own)
-- level: k: at most 2^k times the cost of one plain completion; of 'token_budgets' the place of one, from 0
-- at_most: cost allowed on a question, on the axis
-- budget: generations at which the strategy is used
-- cost: mean cost of a question of the bin; under difficulty 'probe' the probe's own included
-- completed_at: when the run was complete
CREATE VIEW latest_cost_policy AS
SELECT
    complete_runs.family, complete_runs.version, complete_runs.model, complete_runs.benchmark, complete_runs.study,
    cost_policies.difficulty, axis, level, bin, at_most,
    strategy, budget, questions, accuracy, lo, hi, cost, cost_policies.run_id, complete_runs.completed_at
FROM cost_policies
JOIN complete_runs USING (run_id)
QUALIFY rank() OVER (
    PARTITION BY complete_runs.family, complete_runs.benchmark, complete_runs.study, cost_policies.difficulty
    ORDER BY complete_runs.completed_at DESC, cost_policies.run_id DESC
) = 1;
