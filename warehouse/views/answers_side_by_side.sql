-- How do the graders of two runs over the same draws read and judge each completion?
-- grain: one completion that run `now` rests on and that both runs' graders read
-- copies: draws that ended in exactly this completion
-- answer_before: as the grader of run `before` reads it; NULL: no answer
-- answer_now: as the grader of run `now` reads it; NULL: no answer
-- verdict_before: that grader's verdict; NULL: no answer
-- verdict_now: that grader's verdict; NULL: no answer
CREATE MACRO answers_side_by_side(before, now) AS TABLE
WITH ended AS (
    SELECT question_id, benchmark_fingerprint, node_key, count(*) AS copies
    FROM run_draws WHERE run_id = now AND stop <> 'step'
    GROUP BY ALL
), read AS (
    SELECT
        runs.run_id, answers.question_id, answers.node_key, answers.answer, verdicts.verdict
    FROM runs
    JOIN answers USING (benchmark_fingerprint, grader)
    LEFT JOIN verdicts
        ON verdicts.run_id = runs.run_id AND verdicts.question_id = answers.question_id
        AND verdicts.canonical = answers.canonical
    WHERE runs.run_id IN (before, now)
)
SELECT
    ended.question_id, ended.node_key, ended.copies,
    former.answer AS answer_before, latter.answer AS answer_now,
    former.verdict AS verdict_before, latter.verdict AS verdict_now
FROM ended
JOIN read AS former
    ON former.run_id = before AND former.question_id = ended.question_id AND former.node_key = ended.node_key
JOIN read AS latter
    ON latter.run_id = now AND latter.question_id = ended.question_id AND latter.node_key = ended.node_key
ORDER BY ended.question_id, ended.node_key;
