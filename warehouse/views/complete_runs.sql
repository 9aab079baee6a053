-- Which runs owe nothing any more, so that their policy may be trusted?
-- grain: one run whose last word on completeness is 'complete'
-- family: what its model is a version of
-- version: number of its model version (model_history)
-- grader: version of the grader that decided on its answers
-- completed_at: when it last said so
CREATE VIEW complete_runs AS
SELECT
    runs.run_id, runs.study, model_history.family, model_history.version, runs.model, runs.model_fingerprint,
    run_benchmarks.benchmark, runs.benchmark_fingerprint, runs.grader, said.completed_at
FROM runs
JOIN run_benchmarks USING (run_id)
JOIN model_history
    ON model_history.family = coalesce(runs.family, runs.model) AND model_history.benchmark = run_benchmarks.benchmark
    AND model_history.model_fingerprint = runs.model_fingerprint
JOIN (
    SELECT
        run_id,
        max("at") FILTER (event = 'complete') AS completed_at,
        arg_max(event, "at") AS last_word
    FROM run_events
    WHERE event IN ('complete', 'incomplete')
    GROUP BY run_id
) AS said USING (run_id)
WHERE said.last_word = 'complete';
