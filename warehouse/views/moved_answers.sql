-- Which completions are read or judged otherwise by the grader of another run over the same draws?
-- grain: one completion that run `now` rests on and that both runs' graders read, whose answer or verdict differs
-- copies: draws that ended in exactly this completion
-- answer_before: as the grader of run `before` reads it; NULL: no answer
-- answer_now: as the grader of run `now` reads it; NULL: no answer
-- verdict_before: that grader's verdict; NULL: no answer
-- verdict_now: that grader's verdict; NULL: no answer
CREATE MACRO moved_answers(before, now) AS TABLE
SELECT * FROM answers_side_by_side(before, now)
WHERE answer_before IS DISTINCT FROM answer_now OR verdict_before IS DISTINCT FROM verdict_now;
