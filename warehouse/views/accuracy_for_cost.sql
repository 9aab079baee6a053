-- How accurate is the policy when a question may cost so many FLOPs or seconds, and is it ahead of the baseline?
-- grain: one level of one cost axis of one difficulty of one run
-- axis: 'flops' or 'seconds'
-- level: k: at most 2^k times the cost of one plain completion
-- at_most: cost allowed on a question, in FLOPs or seconds
-- cost: mean cost of a question under the policy; under difficulty 'probe' the probe's own included
-- accuracy: cross-validated accuracy of the policy
-- lo: lower end of its 95 % interval
-- hi: upper end of its 95 % interval
-- ahead: whether the whole interval of the gain is above 0; NULL: no baseline within the level
CREATE VIEW accuracy_for_cost AS
SELECT
    run_id, runs.model, run_benchmarks.benchmark, cost_curves.difficulty, axis, level, at_most, cost, accuracy, lo, hi,
    baseline, baseline_budget, baseline_accuracy, gain, gain_lo, gain_hi,
    gain_lo > 1e-9 AS ahead
FROM cost_curves
JOIN runs USING (run_id)
JOIN run_benchmarks USING (run_id);
