-- How accurate is the policy when a question may cost so much along an axis, and is it ahead of the baseline?
-- grain: one level of one cost axis of one difficulty of one run
-- axis: 'generations', 'tokens', 'money', 'latency' (tokens in a row), 'flops', 'seconds' (of engine time), or 'token_budgets' (the study's own)
-- level: k: at most 2^k times the cost of one plain completion; of 'token_budgets' the place of one, from 0
-- at_most: cost allowed on a question, on the axis
-- cost: mean cost of a question under the policy; under difficulty 'probe' the probe's own included
-- accuracy: cross-validated accuracy of the policy
-- lo: lower end of its 95 % interval
-- hi: upper end of its 95 % interval
-- factor: efficiency factor: what the baseline costs to be as accurate, divided by cost; NULL: not computed
-- factor_lo: lower end of its 95 % interval; NULL: none
-- factor_hi: upper end of that interval; NULL: no upper bound
-- beyond: the baseline never gets there: the factor is a lower bound
-- ahead: whether the whole interval of the gain is above 0; NULL: no baseline within the level
CREATE VIEW accuracy_for_cost AS
SELECT
    run_id, runs.model, run_benchmarks.benchmark, cost_curves.difficulty, axis, level, at_most, cost, accuracy, lo, hi,
    baseline, baseline_budget, baseline_accuracy, gain, gain_lo, gain_hi,
    factor, factor_lo, factor_hi, beyond,
    gain_lo > 1e-9 AS ahead
FROM cost_curves
JOIN runs USING (run_id)
JOIN run_benchmarks USING (run_id);
