-- Where does each model version stand: champion, candidate, or neither, and why?
-- grain: one model version of one family on one benchmark that was compared with the champion
-- version: number of the model version (model_history)
-- run_id: run that its standing rests on
-- standing: champion | candidate: the version compared last, not promoted | rolled_back: by hand, stays so until promoted by hand |
--     former: an earlier champion | passed: never promoted, and another version was compared since
-- why: what was said when it was last compared, promoted or rolled back
-- since: when that was said
-- promoted_at: when it was last promoted; NULL: never
-- regressed: alarm of the regression gate as JSON; NULL: not significantly worse than the champion of that night
CREATE VIEW standings AS
WITH words AS (
    SELECT model_history.*, run_events.run_id, run_events.event, run_events.at, run_events.detail
    FROM run_events
    JOIN runs USING (run_id)
    JOIN run_benchmarks USING (run_id)
    JOIN model_history
        ON model_history.family = coalesce(runs.family, runs.model) AND model_history.benchmark = run_benchmarks.benchmark
        AND model_history.model_fingerprint = runs.model_fingerprint
    WHERE run_events.event IN ('promoted', 'candidate', 'rolled_back')
), said AS (
    SELECT
        family, benchmark, version, any_value(model) AS model, any_value(model_fingerprint) AS model_fingerprint,
        arg_max(run_id, "at") AS run_id, arg_max(detail, "at") AS why, max("at") AS since,
        max("at") FILTER (event = 'promoted') AS promoted_at,
        arg_max(event, "at") FILTER (event <> 'candidate') AS rank,
        max("at") FILTER (event <> 'rolled_back') AS compared_at
    FROM words
    GROUP BY family, benchmark, version
), placed AS (
    SELECT
        *,
        max(promoted_at) FILTER (rank = 'promoted') OVER (PARTITION BY family, benchmark) AS crowned_at,
        max(compared_at) OVER (PARTITION BY family, benchmark) AS last_compared_at
    FROM said
)
SELECT
    placed.family, placed.benchmark, placed.version, placed.model, placed.model_fingerprint, placed.run_id,
    CASE
        WHEN placed.rank = 'promoted' AND placed.promoted_at = placed.crowned_at THEN 'champion'
        WHEN placed.rank = 'rolled_back' THEN 'rolled_back'
        WHEN placed.compared_at = placed.last_compared_at THEN 'candidate'
        WHEN placed.rank = 'promoted' THEN 'former'
        ELSE 'passed'
    END AS standing,
    placed.why, placed.since, placed.promoted_at,
    (SELECT arg_max(detail, "at") FROM run_events WHERE run_events.run_id = placed.run_id AND event = 'regressed') AS regressed
FROM placed;
