-- What were the whole completions of one question, those put together by step-wise search included? (Not those under a cap on thinking.)
-- grain: one distinct completion of question `question` that run `run` rests on, best score first
-- whole: TRUE: drawn in one piece; FALSE: put together from steps
-- copies: draws that ended in exactly this completion
-- text: the whole text
-- stop: end: ended by itself; limit: cut at the token limit
-- step_scores: scores of its steps, in order; NULL for a missing score
-- score: step scores joined by the run's aggregate; NULL where a score that it needs is missing
-- verdict: correct, wrong, or the grader's word for why it is neither; NULL: no answer, or not graded yet
CREATE MACRO completions_of(run, question) AS TABLE
WITH RECURSIVE mine AS MATERIALIZED (
    -- What goes on from thinking that was cut has only its own text: the trace is another draw, cut elsewhere.
    SELECT * FROM question_draws
    WHERE run_id = run AND question_id = question AND role NOT IN ('extension', 'answer', 'selection')
), links AS MATERIALIZED (
    SELECT
        prefix_key, node_key, min(depth) AS depth, any_value(text) AS text, any_value(stop) AS stop,
        any_value(step_scores) AS step_scores, any_value(until) AS until, any_value(role) AS role, count(*) AS copies
    FROM mine
    GROUP BY prefix_key, node_key
), paths AS (
    SELECT node_key, depth, text, stop, step_scores, until, role, copies FROM links WHERE depth = 0
    UNION ALL
    SELECT
        links.node_key, links.depth, paths.text || links.text, links.stop,
        list_concat(paths.step_scores, links.step_scores), links.until, links.role, links.copies
    FROM paths
    JOIN links ON links.prefix_key = paths.node_key AND paths.stop = 'step' AND links.depth > paths.depth
), joined AS (
    SELECT
        any_value(role) AS role, bool_or(until = 'end' AND depth = 0) AS whole, sum(copies)::BIGINT AS copies,
        node_key, any_value(text) AS text, any_value(stop) AS stop, any_value(step_scores) AS step_scores
    FROM paths
    WHERE stop <> 'step'
    GROUP BY node_key
)
SELECT
    joined.role, joined.whole, joined.copies, joined.text, joined.stop, joined.step_scores,
    completion_score(joined.step_scores, runs.aggregate) AS score,
    answers.answer, answers.canonical, verdicts.verdict
FROM joined
JOIN runs ON runs.run_id = run
LEFT JOIN answers
    ON answers.benchmark_fingerprint = runs.benchmark_fingerprint AND answers.question_id = question
    AND answers.node_key = joined.node_key AND answers.grader = runs.grader
LEFT JOIN verdicts
    ON verdicts.run_id = run AND verdicts.question_id = question AND verdicts.canonical = answers.canonical
ORDER BY score DESC NULLS LAST, joined.node_key;
