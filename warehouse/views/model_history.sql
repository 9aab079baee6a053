-- Which versions of each model were met, in which order?
-- grain: one model version
-- version: 1 for the first version of this model name that a run used, 2 for the next, …
CREATE VIEW model_history AS
SELECT
    model, kind,
    row_number() OVER (PARTITION BY model, kind ORDER BY seen_at, model_fingerprint) AS version,
    model_fingerprint, parameters, path, seen_at
FROM model_versions;
