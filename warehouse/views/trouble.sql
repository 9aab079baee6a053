-- What went wrong in a run that its accuracies do not show?
-- grain: one run
-- verifier_failures: verifier calls that gave no score
-- truncated: completions cut at the token limit, of those that the run rests on
-- unanswered: completions without an answer, those that still think left out
-- still_thinking: completions whose thinking never ended
-- ungraded: answers on which the grader gave up (unparsed, timeout, memory, crashed), programs that ended so among them,
--     or that wait for it, in completions
-- missing: questions × owed cells without an outcome
CREATE VIEW trouble AS
WITH counted AS (
    SELECT
        run_id,
        sum(truncated)::BIGINT AS truncated,
        coalesce(sum(completions) FILTER (verdict = 'no answer'), 0)::BIGINT AS unanswered,
        coalesce(sum(completions) FILTER (verdict = 'still thinking'), 0)::BIGINT AS still_thinking,
        coalesce(sum(completions) FILTER (verdict NOT IN ('correct', 'wrong', 'no answer', 'still thinking')), 0)::BIGINT AS ungraded
    FROM verdict_counts
    GROUP BY run_id
), failed AS (
    SELECT run_id, count(*) AS verifier_failures FROM verifier_failures GROUP BY run_id
), owed AS (
    SELECT run_id, sum(missing)::BIGINT AS missing FROM completeness GROUP BY run_id
)
SELECT
    runs.run_id,
    coalesce(failed.verifier_failures, 0) AS verifier_failures,
    coalesce(counted.truncated, 0) AS truncated,
    coalesce(counted.unanswered, 0) AS unanswered,
    coalesce(counted.still_thinking, 0) AS still_thinking,
    coalesce(counted.ungraded, 0) AS ungraded,
    owed.missing
FROM runs
LEFT JOIN counted USING (run_id)
LEFT JOIN failed USING (run_id)
LEFT JOIN owed USING (run_id);
