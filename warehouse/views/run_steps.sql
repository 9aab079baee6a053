-- How does a run's model write its steps, and where did a limit cut them or end a search?
-- grain: one run
-- completions: whole completions drawn in one piece
-- mean_steps: mean of their steps
-- most_steps: steps of the one with most, those put together by step-wise search included
-- longest_step: tokens of the longest step of any draw
-- step_draws: draws that were to end with a step
-- cut_steps: of these, draws cut at max_step_tokens before their step ended
-- searches: questions × strategies × budgets of searches over steps whose rounds were counted
-- out_of_rounds: of these, searches that ended with max_rounds while a prefix could go on
CREATE VIEW run_steps AS
WITH drawn AS (
    -- Of the draws themselves: run_draws would join every step with its score first.
    SELECT
        runs.run_id,
        count(*) FILTER (until = 'end' AND role NOT IN ('extension', 'answer', 'selection')) AS completions,
        avg(len(draws.step_keys)) FILTER (until = 'end' AND role NOT IN ('extension', 'answer', 'selection')) AS mean_steps,
        max(draws.depth + len(draws.step_keys)) AS most_steps,
        max(draws.longest_step) AS longest_step,
        count(*) FILTER (until = 'step') AS step_draws,
        count(*) FILTER (until = 'step' AND draws.stop = 'limit') AS cut_steps
    FROM runs
    JOIN run_questions USING (run_id)
    JOIN draws
        ON draws.model_fingerprint IN (runs.model_fingerprint, runs.reviser_fingerprint)
        AND draws.benchmark_fingerprint = runs.benchmark_fingerprint
        AND draws.question_id = run_questions.question_id
    LEFT JOIN samplings USING (sampling_key)
    GROUP BY runs.run_id
), searched AS (
    SELECT run_id, count(*) AS searches, count(*) FILTER (out_of_rounds > 0) AS out_of_rounds
    FROM run_outcomes
    WHERE out_of_rounds IS NOT NULL
    GROUP BY run_id
)
SELECT
    runs.run_id, coalesce(drawn.completions, 0) AS completions, drawn.mean_steps, drawn.most_steps,
    drawn.longest_step, coalesce(drawn.step_draws, 0) AS step_draws, coalesce(drawn.cut_steps, 0) AS cut_steps,
    coalesce(searched.searches, 0) AS searches, coalesce(searched.out_of_rounds, 0) AS out_of_rounds
FROM runs
LEFT JOIN drawn USING (run_id)
LEFT JOIN searched USING (run_id);
