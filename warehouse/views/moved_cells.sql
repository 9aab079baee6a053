-- Which cells of the policy differ between two runs of one study?
-- grain: one bin and budget under one difficulty for which the two runs name different strategies
-- strategy_before: what run `before` names; NULL: it had no such cell
-- strategy_now: what run `now` names; NULL: it has no such cell
-- accuracy_before: accuracy of strategy_before in run `before`
-- accuracy_now: accuracy of strategy_now in run `now`
CREATE MACRO moved_cells(before, now) AS TABLE
SELECT
    difficulty, bin, budget, former.strategy AS strategy_before, latter.strategy AS strategy_now,
    former.accuracy AS accuracy_before, latter.accuracy AS accuracy_now
FROM (SELECT * FROM policies WHERE run_id = before) AS former
FULL JOIN (SELECT * FROM policies WHERE run_id = now) AS latter USING (difficulty, bin, budget)
WHERE former.strategy IS DISTINCT FROM latter.strategy
ORDER BY difficulty, bin, budget;
