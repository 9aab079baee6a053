-- Which cells of the policy differ between two runs of one study?
-- grain: one bin and budget under one difficulty for which the two runs name different strategies
-- strategy_before: what run `before` names; NULL: it had no such cell
-- strategy_now: what run `now` names; NULL: it has no such cell
-- accuracy_before: accuracy of strategy_before in run `before`
-- accuracy_now: accuracy of strategy_now in run `now`
-- truncated_before: share of strategy_before's completions that were cut; NULL: a run from before it was counted
-- no_answer_before: share of them without an answer, cut ones included; NULL likewise
-- recommended_before: FALSE: most completions of every strategy were cut, and the baseline stood in
-- truncated_now: the same of strategy_now
-- no_answer_now: the same of strategy_now
-- recommended_now: the same of strategy_now
CREATE MACRO moved_cells(before, now) AS TABLE
SELECT
    difficulty, bin, budget, former.strategy AS strategy_before, latter.strategy AS strategy_now,
    former.accuracy AS accuracy_before, latter.accuracy AS accuracy_now,
    former.truncated AS truncated_before, former.no_answer AS no_answer_before,
    former.recommended AS recommended_before,
    latter.truncated AS truncated_now, latter.no_answer AS no_answer_now, latter.recommended AS recommended_now
FROM (SELECT * FROM policies WHERE run_id = before) AS former
FULL JOIN (SELECT * FROM policies WHERE run_id = now) AS latter USING (difficulty, bin, budget)
WHERE former.strategy IS DISTINCT FROM latter.strategy
ORDER BY difficulty, bin, budget;
