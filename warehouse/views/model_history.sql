-- Which model versions of each family were evaluated on each benchmark, in which order?
-- grain: one model version of one family on one benchmark
-- family: what the models are versions of; the model's name for runs from before there were families
-- version: 1 for the first model version that a run of this family and benchmark used, 2 for the next, …
-- model: name under which a run first used it
-- seen_at: when that run was opened
CREATE VIEW model_history AS
SELECT
    coalesce(runs.family, runs.model) AS family, run_benchmarks.benchmark,
    row_number() OVER (
        PARTITION BY coalesce(runs.family, runs.model), run_benchmarks.benchmark
        ORDER BY min(runs.opened_at), runs.model_fingerprint
    ) AS version,
    arg_min(runs.model, runs.opened_at) AS model, runs.model_fingerprint,
    any_value(model_versions.parameters) AS parameters, any_value(model_versions.path) AS path,
    min(runs.opened_at) AS seen_at
FROM runs
JOIN run_benchmarks USING (run_id)
JOIN model_versions USING (model_fingerprint)
GROUP BY coalesce(runs.family, runs.model), run_benchmarks.benchmark, runs.model_fingerprint;
