-- How accurate is the compute-optimal policy at each budget, and is it ahead of the best single strategy?
-- grain: one budget of one run's cross-validated curve (curve_against_strategies has every strategy)
-- accuracy: cross-validated accuracy of the policy
-- lo: lower end of its 95 % interval
-- hi: upper end of its 95 % interval
-- fixed: the one strategy that is recommended where adapting is not ahead (METHOD §14); NULL: not computed
-- fixed_accuracy: of the one that the other fold chooses, cross-validated like accuracy
-- fixed_lo: lower end of its 95 % interval
-- fixed_hi: upper end of that interval
-- ahead: accuracy minus fixed_accuracy, paired
-- ahead_lo: lower end of its 95 % interval
-- ahead_hi: upper end of that interval
-- adapts: TRUE: the table by bins is recommended; FALSE: fixed is; NULL: not computed
-- best_strategy: the strategy most accurate over all questions at this budget; NULL when none ran at it
-- best_accuracy: its accuracy, flattered a little by being chosen on the same questions
-- coverage: accuracy of a perfect selector over as many independent completions (strategy 'pass'); NULL: not computed
CREATE VIEW compute_optimal_curve AS
SELECT
    curves.run_id, curves.difficulty, curves.budget, curves.accuracy, curves.lo, curves.hi, curves.generations,
    curves.fixed, curves.fixed_accuracy, curves.fixed_lo, curves.fixed_hi,
    curves.ahead, curves.ahead_lo, curves.ahead_hi, curves.adapts,
    arg_max(fixed.strategy, fixed.strategy_accuracy) FILTER (fixed.strategy <> 'pass') AS best_strategy,
    max(fixed.strategy_accuracy) FILTER (fixed.strategy <> 'pass') AS best_accuracy,
    max(fixed.strategy_accuracy) FILTER (fixed.strategy = 'pass') AS coverage
FROM curves
LEFT JOIN curve_against_strategies AS fixed USING (run_id, difficulty, budget)
GROUP BY ALL;
