-- What is a completion's score, given its step scores in order and how the run joins them (last, min, prod, mean)?
-- grain: a number in [0, 1]; NULL where a score that it needs is missing, or there is none
CREATE MACRO completion_score(step_scores, aggregate) AS CASE
    WHEN len(step_scores) = 0 THEN NULL
    WHEN aggregate = 'last' THEN step_scores[-1]
    WHEN list_count(step_scores) < len(step_scores) THEN NULL
    WHEN aggregate = 'min' THEN list_min(step_scores)
    WHEN aggregate = 'prod' THEN list_product(step_scores)
    WHEN aggregate = 'mean' THEN list_avg(step_scores)
END;
