-- Which draws does a run rest on, whoever paid for them?
-- grain: one draw of one question that one run owes, by the run's model version or its reviser
-- until: 'end': drawn to the completion's end in one piece; 'step': to the next step's end
-- paid_by: the run that paid for it
-- thinking_tokens: of its tokens, thinking; NULL where the format knows none
-- answer_tokens: of its tokens, what follows thinking; NULL likewise
-- step_scores: scores at the ends of its own steps, in order, thinking that the verifier was not shown left out; NULL
--     for a missing score; NULL list: no verifier, or nothing but such thinking
-- score: the completion's score, its step scores joined by the run's aggregate; NULL for a draw that is not a whole
--     completion and where a step score is missing
CREATE VIEW run_draws AS
WITH owned AS (
    SELECT
        runs.run_id, runs.aggregate,
        CASE
            WHEN draws.role = 'revision' THEN coalesce(runs.judge_fingerprint, runs.verifier_fingerprint)
            ELSE runs.verifier_fingerprint
        END AS verifier_fingerprint, draws.question_id, draws.benchmark_fingerprint,
        draws.role, samplings.until, samplings.temperature, draws.depth, draws.replicate, draws.child,
        draws.model_fingerprint, draws.prefix_key, draws.sampling_key, draws.node_key, draws.step_keys,
        draws.text, draws.stop, draws.generated_tokens, draws.thinking_tokens,
        draws.lowest_confidence, draws.mean_confidence, draws.tail_confidence,
        draws.generated_tokens - draws.thinking_tokens AS answer_tokens, draws.thinking_steps, draws.longest_step, draws.drawn_at,
        draws.run_id AS paid_by
    FROM runs
    JOIN run_questions USING (run_id)
    JOIN draws
        ON draws.model_fingerprint IN (runs.model_fingerprint, runs.reviser_fingerprint)
        AND draws.benchmark_fingerprint = runs.benchmark_fingerprint
        AND draws.question_id = run_questions.question_id
    LEFT JOIN samplings USING (sampling_key)
), steps AS (
    SELECT
        run_id, question_id, prefix_key, sampling_key, replicate, child, verifier_fingerprint, thinking_steps,
        unnest(step_keys) AS step_key,
        generate_subscripts(step_keys, 1) AS place
    FROM owned
    WHERE verifier_fingerprint IS NOT NULL
), scored AS (
    SELECT
        steps.run_id, steps.question_id, steps.prefix_key, steps.sampling_key, steps.replicate, steps.child,
        list(scores.score ORDER BY steps.place) AS step_scores
    FROM steps
    LEFT JOIN scores
        ON scores.verifier_fingerprint = steps.verifier_fingerprint AND scores.node_key = steps.step_key
    WHERE steps.place > coalesce(steps.thinking_steps, 0) OR scores.score IS NOT NULL
    GROUP BY ALL
)
SELECT
    owned.* EXCLUDE (verifier_fingerprint, aggregate, thinking_steps),
    scored.step_scores,
    CASE
        WHEN owned.depth = 0 AND owned.stop <> 'step' AND owned.role NOT IN ('extension', 'answer', 'selection') THEN completion_score(scored.step_scores, owned.aggregate)
    END AS score
FROM owned
LEFT JOIN scored USING (run_id, question_id, prefix_key, sampling_key, replicate, child);
