-- What is the upper end of Wilson's 95 % interval of a share p over n questions?
-- grain: a number in [0, 1]
CREATE MACRO wilson_hi(p, n) AS least(1.0::DOUBLE, (
    p::DOUBLE + 1.920729410347062e0 / n + 1.959963984540054e0 * sqrt(p::DOUBLE * (1 - p) / n + 0.960364705173531e0 / n / n)
) / (1 + 3.841458820694124e0 / n));
