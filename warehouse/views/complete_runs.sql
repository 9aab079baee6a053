-- Which runs owe nothing any more, so that their policy may be trusted?
-- grain: one run whose last word on completeness is 'complete'
-- completed_at: when it last said so
CREATE VIEW complete_runs AS
SELECT
    runs.run_id, runs.study, runs.model, runs.model_fingerprint, runs.benchmark, runs.benchmark_fingerprint, verdict.completed_at
FROM runs
JOIN (
    SELECT
        run_id,
        max("at") FILTER (event = 'complete') AS completed_at,
        arg_max(event, "at") AS last_word
    FROM run_events
    WHERE event IN ('complete', 'incomplete')
    GROUP BY run_id
) AS verdict USING (run_id)
WHERE verdict.last_word = 'complete';
