-- How many yes-or-no questions would be as certain as these n, whose outcomes have mean p and sample variance s2?
-- grain: a number, at least n; n itself where p is 0 or 1 or the variance says nothing (0, or a single question)
-- What was not met among n is not absent: s2 is at least what half a question at the far end would add.
CREATE MACRO effective_questions(p, n, s2) AS
    CASE WHEN p > 0 AND p < 1 AND s2 > 0
        THEN greatest(n, n * p * (1 - p) / greatest(s2, 0.5 * greatest(p, 1 - p) ** 2 / n)) ELSE n END;
