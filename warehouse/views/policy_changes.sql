-- What does the latest policy say differently from that of the previous model version?
-- grain: one bin and budget of the latest policy whose model × benchmark × study has a complete run of an earlier version
-- version_before: number of the previous model version (model_history)
-- version_now: number of the latest policy's model version
-- strategy_before: what the previous version's newest complete run named; NULL: it had no such cell
-- strategy_now: what the latest policy names
-- changed: TRUE where the two differ
-- accuracy_before: accuracy of strategy_before on the previous version
-- accuracy_now: accuracy of strategy_now on the latest version
-- difference: accuracy_now minus accuracy_before
-- decided: TRUE: strategy_now is told apart from the baseline
-- same_questions: FALSE: the benchmark's content changed in between, so accuracies do not compare
-- run_before: run of strategy_before
-- run_now: run of strategy_now
CREATE VIEW policy_changes AS
WITH latest AS (
    SELECT latest_policy.*, runs.benchmark_fingerprint, model_history.version
    FROM latest_policy
    JOIN runs USING (run_id)
    JOIN model_history
        ON model_history.model = latest_policy.model AND model_history.kind = 'generator'
        AND model_history.model_fingerprint = latest_policy.model_fingerprint
), earlier AS (
    SELECT DISTINCT
        latest.model, latest.benchmark, latest.study, latest.difficulty, complete_runs.run_id, complete_runs.benchmark_fingerprint,
        complete_runs.completed_at, model_history.version
    FROM latest
    JOIN complete_runs
        ON complete_runs.model = latest.model AND complete_runs.benchmark = latest.benchmark
        AND complete_runs.study = latest.study
    JOIN model_history
        ON model_history.model = complete_runs.model AND model_history.kind = 'generator'
        AND model_history.model_fingerprint = complete_runs.model_fingerprint
    WHERE complete_runs.model_fingerprint <> latest.model_fingerprint
        AND complete_runs.completed_at < latest.completed_at
        AND complete_runs.run_id IN (SELECT run_id FROM policies WHERE policies.difficulty = latest.difficulty)
), previous AS (
    SELECT * FROM earlier
    QUALIFY row_number() OVER (PARTITION BY model, benchmark, study, difficulty ORDER BY completed_at DESC, run_id DESC) = 1
)
SELECT
    latest.model, latest.benchmark, latest.study, latest.difficulty, latest.bin, latest.budget,
    previous.version AS version_before, latest.version AS version_now,
    before.strategy AS strategy_before, latest.strategy AS strategy_now,
    before.strategy IS DISTINCT FROM latest.strategy AS changed,
    before.accuracy AS accuracy_before, latest.accuracy AS accuracy_now,
    latest.accuracy - before.accuracy AS difference,
    latest.decided,
    previous.benchmark_fingerprint = latest.benchmark_fingerprint AS same_questions,
    previous.run_id AS run_before, latest.run_id AS run_now
FROM latest
JOIN previous USING (model, benchmark, study, difficulty)
LEFT JOIN policies AS before
    ON before.run_id = previous.run_id AND before.difficulty = latest.difficulty
    AND before.bin = latest.bin AND before.budget = latest.budget;
