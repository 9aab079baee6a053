-- What went wrong in a run that its accuracies do not show?
-- grain: one run
-- verifier_failures: verifier calls that gave no score
-- truncated: completions cut at the token limit, of those that the run rests on
-- unanswered: completions without an answer, those that still think left out
-- still_thinking: completions whose thinking never ended
-- ungraded: completions without a verdict on their answer: it waits for the grader, or the grader gave up on it. Of
--     answers that are programs (graders named python) unparsed, crashed, timeout, memory and output are verdicts, so
--     that only untestable is none; of all others every word but correct and wrong says that it gave up
-- missing: questions × owed cells without an outcome
CREATE VIEW trouble AS
WITH counted AS (
    SELECT
        run_id,
        sum(truncated)::BIGINT AS truncated,
        coalesce(sum(completions) FILTER (verdict = 'no answer'), 0)::BIGINT AS unanswered,
        coalesce(sum(completions) FILTER (verdict = 'still thinking'), 0)::BIGINT AS still_thinking,
        coalesce(sum(completions) FILTER (verdict NOT IN ('correct', 'wrong', 'no answer', 'still thinking') AND NOT (
            grader LIKE '%+python-%' AND verdict IN ('unparsed', 'crashed', 'timeout', 'memory', 'output')
        )), 0)::BIGINT AS ungraded
    FROM verdict_counts
    JOIN runs USING (run_id)
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
