-- How far ahead of each fixed strategy is the compute-optimal policy at the same budget?
-- grain: one budget of one run's cross-validated curve beside one fixed strategy ('pass', the coverage, is its ceiling)
-- accuracy: cross-validated accuracy of the policy
-- lo: lower end of its 95 % interval
-- hi: upper end of its 95 % interval
-- strategy: the fixed strategy compared with
-- strategy_accuracy: its accuracy over all questions at this budget
-- strategy_lo: lower end of that accuracy's 95 % interval
-- strategy_hi: upper end of that accuracy's 95 % interval
-- ahead: accuracy minus strategy_accuracy (a difference of means; between strategies, `contrast` gives an interval)
CREATE VIEW curve_against_strategies AS
SELECT
    curves.run_id, curves.difficulty, curves.budget, curves.accuracy, curves.lo, curves.hi,
    fixed.strategy,
    fixed.accuracy AS strategy_accuracy,
    fixed.lo AS strategy_lo,
    fixed.hi AS strategy_hi,
    curves.accuracy - fixed.accuracy AS ahead
FROM curves
JOIN accuracy AS fixed
    ON fixed.run_id = curves.run_id AND fixed.budget = curves.budget AND fixed.bin = 0;
