-- How many completions were right, wrong, cut off, or could not be read or judged?
-- grain: one verdict among the ended completions that one run rests on, by role
-- verdict: correct | wrong | unparsed | timeout | memory | crashed | no answer | still thinking (its thinking never
--     ended) | not graded | not read
-- completions: draws that end a completion (end of text or token limit), whoever paid for them
-- truncated: of these, completions cut at the token limit
-- distinct_answers: distinct answers, over all questions
CREATE VIEW verdict_counts AS
SELECT
    run_draws.run_id, run_draws.role,
    CASE
        WHEN answers.node_key IS NULL THEN 'not read'
        WHEN answers.canonical IS NULL AND run_draws.thinking_tokens = run_draws.generated_tokens THEN 'still thinking'
        WHEN answers.canonical IS NULL THEN 'no answer'
        ELSE coalesce(verdicts.verdict, 'not graded')
    END AS verdict,
    count(*) AS completions,
    count(*) FILTER (run_draws.stop = 'limit') AS truncated,
    count(DISTINCT (run_draws.question_id, answers.canonical)) FILTER (answers.canonical IS NOT NULL)
        AS distinct_answers
FROM (
    SELECT runs.run_id, runs.grader, draws.* EXCLUDE (run_id)
    FROM runs
    JOIN run_questions USING (run_id)
    JOIN draws USING (model_fingerprint, benchmark_fingerprint, question_id)
    WHERE draws.stop <> 'step'
) AS run_draws
LEFT JOIN answers USING (benchmark_fingerprint, question_id, node_key, grader)
LEFT JOIN verdicts USING (run_id, question_id, canonical)
-- What goes on thinking may be cut once more: then another draw ends the completion.
WHERE answers.node_key IS NOT NULL OR run_draws.role NOT IN ('extension', 'answer', 'selection')
GROUP BY 1, 2, 3;
