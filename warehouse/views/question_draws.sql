-- What did the model write for a question, what did the verifier think of it, and was it right?
-- grain: one draw of one question that one run owes, whoever paid for it; filter by run_id and question_id to read
-- whole: TRUE: a completion drawn in one piece from the question; FALSE: a step or a revision
-- score: the completion's score, its step scores joined by the run's aggregate; NULL for a draw that is not whole
--     and where a step score is missing
-- class: what it votes for; NULL: it has no vote
-- verdict: correct, wrong, or the grader's word for why it is neither; NULL: no answer, or not graded yet
CREATE VIEW question_draws AS
SELECT
    run_draws.run_id, run_draws.question_id, questions.question, questions.target, run_draws.role,
    run_draws.depth = 0 AND run_draws.stop <> 'step' AND run_draws.role NOT IN ('extension', 'answer', 'selection') AS whole,
    run_draws.depth, run_draws.replicate, run_draws.child, run_draws.text, run_draws.stop,
    run_draws.step_scores, run_draws.score, answers.answer, answers.canonical,
    CASE WHEN answers.class IS NULL THEN answers.canonical ELSE nullif(answers.class, '') END AS class,
    verdicts.verdict,
    run_draws.generated_tokens, run_draws.thinking_tokens, run_draws.answer_tokens,
    run_draws.lowest_confidence, run_draws.mean_confidence, run_draws.tail_confidence, run_draws.until,
    run_draws.temperature, run_draws.drawn_at, run_draws.paid_by,
    run_draws.prefix_key, run_draws.sampling_key, run_draws.node_key
FROM run_draws
JOIN runs USING (run_id)
JOIN questions ON questions.benchmark_fingerprint = run_draws.benchmark_fingerprint
    AND questions.question_id = run_draws.question_id
LEFT JOIN answers ON answers.benchmark_fingerprint = run_draws.benchmark_fingerprint
    AND answers.question_id = run_draws.question_id
    AND answers.node_key = run_draws.node_key AND answers.grader = runs.grader
LEFT JOIN verdicts ON verdicts.run_id = run_draws.run_id
    AND verdicts.question_id = run_draws.question_id AND verdicts.canonical = answers.canonical;
