-- What did each strategy reach on each question, coverage left out?
-- grain: one question under one strategy at one budget of one run; strategy 'pass' (pass@N, no strategy) is in table outcomes alone
CREATE VIEW run_outcomes AS
SELECT * FROM outcomes WHERE strategy <> 'pass';
