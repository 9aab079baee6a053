-- What became of each run, what did it spend, and where else can it be looked at?
-- grain: one run
-- family: what its model is a version of
-- version: number of its model version (model_history)
-- state: the last thing it said of itself: opened | resumed | complete | incomplete | harvested (learnt from) | failed | published
-- state_at: when it said so
-- resumed: how often it was taken up again
-- seconds: wall seconds of its stages; NULL before the first has ended
-- cpu_seconds: CPU seconds of its stages, likewise
-- draws: draws it paid for
-- generated_tokens: tokens generated for those
-- verifier_tokens: tokens the verifier read for it
-- missing_cells: owed strategies × budgets that lack at least one question's outcome
-- prefect_run: id of its latest Prefect flow run; NULL: ran without Prefect
-- mlflow_run: id of its latest MLflow run; NULL: not published
CREATE VIEW run_history AS
WITH told AS (
    SELECT
        run_id,
        arg_max(event, "at") FILTER (event IN ('opened', 'resumed', 'complete', 'incomplete', 'harvested', 'failed', 'published')) AS state,
        max("at") FILTER (event IN ('opened', 'resumed', 'complete', 'incomplete', 'harvested', 'failed', 'published')) AS state_at,
        count(*) FILTER (event = 'resumed') AS resumed,
        sum(seconds) FILTER (event = 'stage') AS seconds,
        sum(cpu_seconds) FILTER (event = 'stage') AS cpu_seconds,
        substr(arg_max(detail, "at") FILTER (detail LIKE 'prefect:%'), 9) AS prefect_run,
        substr(arg_max(detail, "at") FILTER (detail LIKE 'mlflow:%'), 8) AS mlflow_run
    FROM run_events
    GROUP BY run_id
), spent AS (
    SELECT
        run_id, sum(draws)::BIGINT AS draws, sum(generated_tokens)::BIGINT AS generated_tokens,
        sum(verifier_tokens)::BIGINT AS verifier_tokens
    FROM cost_by_role
    GROUP BY run_id
), owed AS (
    SELECT run_id, count(*) FILTER (missing > 0) AS missing_cells FROM completeness GROUP BY run_id
)
SELECT
    runs.run_id, runs.study, run_benchmarks.benchmark, coalesce(runs.family, runs.model) AS family, runs.model, model_history.version, runs.verifier,
    coalesce(told.state, 'opened') AS state,
    runs.opened_at, told.state_at, coalesce(told.resumed, 0) AS resumed, told.seconds, told.cpu_seconds,
    coalesce(spent.draws, 0) AS draws,
    coalesce(spent.generated_tokens, 0) AS generated_tokens,
    coalesce(spent.verifier_tokens, 0) AS verifier_tokens,
    owed.missing_cells, told.prefect_run, told.mlflow_run, runs.code_commit
FROM runs
JOIN run_benchmarks USING (run_id)
LEFT JOIN told USING (run_id)
LEFT JOIN spent USING (run_id)
LEFT JOIN owed USING (run_id)
LEFT JOIN model_history
    ON model_history.family = coalesce(runs.family, runs.model) AND model_history.benchmark = run_benchmarks.benchmark
    AND model_history.model_fingerprint = runs.model_fingerprint;
