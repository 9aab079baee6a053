-- Which model version's policy is the one to use?
-- grain: the champion of one family on one benchmark
-- version: number of the model version (model_history)
-- run_id: the run that it was last promoted with; its policy is the champion's
-- promoted_at: when that was
-- why: why it was promoted
CREATE VIEW champions AS
SELECT
    standings.family, standings.benchmark, standings.run_id, standings.version, standings.model, standings.model_fingerprint,
    standings.promoted_at, standings.why
FROM standings
WHERE standings.standing = 'champion';
