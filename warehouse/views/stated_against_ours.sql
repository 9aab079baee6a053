-- Where do the source of a log and our grader differ about a draw?
-- grain: one draw × metric of its source in one run on whose draws we differ; a source's metric that is no verdict (neither
--     0 nor 1) is left out
-- metric: the source's name of its verdict
-- stated: what the source says: 1 right, 0 wrong
-- stated_answer: the answer as the source read it; NULL: not told, or none
-- answer: as our grader reads it; NULL: none
-- verdict: ours: correct, wrong, or the grader's word for why it is neither; NULL: no answer
-- text: the completion
CREATE VIEW stated_against_ours AS
SELECT
    question_draws.run_id, question_draws.question_id, question_draws.target, stated_verdicts.metric,
    stated_verdicts.value AS stated, stated_verdicts.answer AS stated_answer, question_draws.answer,
    question_draws.verdict, question_draws.replicate, question_draws.child, question_draws.text
FROM stated_verdicts
JOIN runs USING (model_fingerprint, benchmark_fingerprint)
JOIN question_draws
    ON question_draws.run_id = runs.run_id AND question_draws.question_id = stated_verdicts.question_id
    AND question_draws.prefix_key = stated_verdicts.prefix_key AND question_draws.replicate = stated_verdicts.replicate
    AND question_draws.sampling_key = stated_verdicts.sampling_key AND question_draws.child = stated_verdicts.child
WHERE stated_verdicts.value IN (0, 1)
    AND (stated_verdicts.value = 1) <> coalesce(question_draws.verdict = 'correct', FALSE);
