-- What does the latest policy say differently from that of the previous model version?
-- grain: one bin and budget of the latest policy whose family × benchmark × study has a complete run of an earlier version
-- family: what the models are versions of
-- version_before: number of the previous model version (model_history)
-- version_now: number of the latest policy's model version
-- strategy_before: what the previous version's newest complete run named; NULL: it had no such cell
-- strategy_now: what the latest policy names
-- changed: TRUE where the two differ
-- accuracy_before: accuracy of strategy_before on the previous version
-- accuracy_now: accuracy of strategy_now on the latest version
-- difference: accuracy_now minus accuracy_before
-- truncated_before: share of strategy_before's completions that were cut; NULL: a run from before it was counted
-- no_answer_before: share of them without an answer, cut ones included; NULL likewise
-- recommended_before: FALSE: most completions of every strategy were cut, and the baseline stood in
-- truncated_now: the same of strategy_now
-- no_answer_now: the same of strategy_now
-- recommended_now: the same of strategy_now
-- p: p-value of strategy_now against the baseline, Holm-adjusted over its table
-- decided: TRUE: strategy_now is told apart from the baseline
-- unheld: what the latest run alone would name, where the earlier strategy was kept; NULL: the same
-- same_questions: FALSE: the benchmark's content changed in between, so accuracies do not compare
-- run_before: run of strategy_before
-- run_now: run of strategy_now
CREATE VIEW policy_changes AS
WITH latest AS (
    SELECT latest_policy.*, runs.benchmark_fingerprint FROM latest_policy JOIN runs USING (run_id)
), previous AS (
    SELECT DISTINCT
        latest.family, latest.benchmark, latest.study, latest.difficulty, complete_runs.run_id,
        complete_runs.benchmark_fingerprint, complete_runs.completed_at, complete_runs.version
    FROM latest
    JOIN complete_runs
        ON complete_runs.family = latest.family AND complete_runs.benchmark = latest.benchmark
        AND complete_runs.study = latest.study AND complete_runs.version < latest.version
    WHERE complete_runs.run_id IN (SELECT run_id FROM policies WHERE policies.difficulty = latest.difficulty)
), last_before AS (
    SELECT * FROM previous
    QUALIFY row_number() OVER (
        PARTITION BY family, benchmark, study, difficulty ORDER BY version DESC, completed_at DESC, run_id DESC
    ) = 1
)
SELECT
    latest.family, latest.model, latest.benchmark, latest.study, latest.difficulty, latest.bin, latest.budget,
    last_before.version AS version_before, latest.version AS version_now,
    before.strategy AS strategy_before, latest.strategy AS strategy_now,
    before.strategy IS DISTINCT FROM latest.strategy AS changed,
    before.accuracy AS accuracy_before, latest.accuracy AS accuracy_now,
    latest.accuracy - before.accuracy AS difference,
    before.truncated AS truncated_before, before.no_answer AS no_answer_before,
    before.recommended AS recommended_before,
    latest.truncated AS truncated_now, latest.no_answer AS no_answer_now, latest.recommended AS recommended_now,
    latest.p, latest.decided, latest.unheld,
    last_before.benchmark_fingerprint = latest.benchmark_fingerprint AS same_questions,
    last_before.run_id AS run_before, latest.run_id AS run_now
FROM latest
JOIN last_before USING (family, benchmark, study, difficulty)
LEFT JOIN policies AS before
    ON before.run_id = last_before.run_id AND before.difficulty = latest.difficulty
    AND before.bin = latest.bin AND before.budget = latest.budget;
