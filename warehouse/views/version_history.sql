-- How good and how dear is the policy of each model version at each budget?
-- grain: one budget of the newest complete run of each model version × study × difficulty
-- version: number of the model version (model_history)
-- accuracy: cross-validated accuracy of its policy
-- lo: lower end of its 95 % interval
-- hi: upper end of that interval
-- factor: efficiency factor at this budget (METHOD §7); NULL: not computed
-- flops: mean FLOPs that the policy spends on a question
-- completed_at: when that run was complete
CREATE VIEW version_history AS
WITH newest AS (
    SELECT * FROM complete_runs
    QUALIFY row_number() OVER (
        PARTITION BY family, benchmark, study, version ORDER BY completed_at DESC, run_id DESC
    ) = 1
), spent AS (
    SELECT
        policies.run_id, policies.difficulty, policies.budget,
        sum(accuracy.flops * accuracy.questions) / sum(accuracy.questions) AS flops
    FROM policies
    JOIN accuracy USING (run_id, difficulty, bin, budget, strategy)
    GROUP BY ALL
)
SELECT
    newest.family, newest.benchmark, newest.study, newest.version, newest.model, newest.model_fingerprint, newest.run_id,
    curves.difficulty, curves.budget, curves.accuracy, curves.lo, curves.hi, efficiencies.factor, spent.flops,
    newest.benchmark_fingerprint, newest.completed_at
FROM newest
JOIN curves USING (run_id)
LEFT JOIN efficiencies USING (run_id, difficulty, budget)
LEFT JOIN spent USING (run_id, difficulty, budget);
