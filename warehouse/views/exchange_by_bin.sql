-- At equal FLOPs, is the small model under its policy ahead of the larger one decoded greedily?
-- grain: one bin under one ratio of one difficulty of one run and larger model; bin 0 is all questions
-- small_model: name of the run's own model
-- large_model: name of the larger one
-- source: 'study': the ratio is named in the study; 'cards': from both models' training tokens in their cards
-- parameter_ratio: parameters of the larger model over the small one's, without embeddings
-- ratio: inference tokens per training token (R of the paper)
-- difficulty: 'oracle', 'predicted' or 'probe': the bins that policy and row refer to
-- bin: 1 easiest … 5 hardest; 0: all questions
-- multiple: generations the small model has for the FLOPs of one of the larger model (k)
-- budget: largest measured budget that is at most the multiple
-- alone: the small model's pass@1; NULL: not measured
-- small: accuracy of the small model under its policy at that budget, cross-validated
-- large: share of questions that the larger model's greedy completion gets right
-- difference: small − large
-- lo: lower end of the difference's paired 95 % interval
-- hi: upper end of the difference's paired 95 % interval
-- relative: difference / large; NULL: the larger model is never right
-- verdict: 'ahead' or 'behind' where the interval excludes 0, else 'cannot be told'
CREATE VIEW exchange_by_bin AS
SELECT
    run_id, model AS small_model, large_model, run_benchmarks.benchmark, difficulty, source, parameter_ratio, ratio, multiple, bin,
    budget, questions, alone, small, large, difference, lo, hi, relative,
    CASE WHEN lo > 0 THEN 'ahead' WHEN hi < 0 THEN 'behind' ELSE 'cannot be told' END AS verdict
FROM exchanges
JOIN runs USING (run_id)
JOIN run_benchmarks USING (run_id);
