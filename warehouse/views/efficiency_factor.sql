-- How many times the policy's budget does the baseline need to be as accurate?
-- grain: one budget of one difficulty of one run, against one baseline
-- lo: lower end of the factor's 95 % interval; NULL: none
-- hi: upper end of that interval; NULL: no upper bound
-- text: the factor to read: '4.2 [2.1, 7.9]', '> 4' where the baseline never gets there
CREATE VIEW efficiency_factor AS
WITH spelled AS (
    SELECT
        *,
        regexp_replace(printf('%.1f', factor), '\.0$', '') AS middle,
        regexp_replace(printf('%.1f', lo), '\.0$', '') AS low,
        regexp_replace(printf('%.1f', hi), '\.0$', '') AS high
    FROM efficiencies
)
SELECT
    run_id, difficulty, baseline, budget, factor, lo, hi, beyond, net_factor, net_lo, net_hi,
    CASE
        WHEN beyond THEN '> ' || middle
        WHEN lo IS NULL AND hi IS NULL THEN middle
        ELSE middle || ' [' || coalesce(low, '?') || ', ' || coalesce(high, 'no bound') || ']'
    END AS text
FROM spelled;
