-- How much more does a mean vary, drawn in units, than question by question (METHOD §14)?
-- grain: a number, over rows of units: sums of accuracy, numbers of questions; beside them mean, number and sample variance of all questions
CREATE MACRO design_effect(correct, size, mean, n, s2) AS
    -- One group says nothing of how groups vary: it counts as one question.
    CASE WHEN count(*) = 1 THEN any_value(n)
        ELSE count(*) / (count(*) - 1e0) * sum((correct - size * mean) ** 2) / any_value(n * s2)
    END;
