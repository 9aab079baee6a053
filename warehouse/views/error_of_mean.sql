-- How far may a mean over questions be off, drawn in units (METHOD §14)?
-- grain: a number, over rows of units: sums, numbers of questions; beside them the mean over n questions; NULL for one unit
CREATE MACRO error_of_mean(total, size, mean, n) AS
    CASE WHEN count(*) > 1
        THEN sqrt(count(*) / (count(*) - 1e0) * sum((total - size * mean) ** 2)) / any_value(n)
    END;
