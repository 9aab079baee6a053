-- How sure a policy's cells are over the whole table, what hysteresis kept, and the curve net of difficulty estimation.

ALTER TABLE policies ADD COLUMN p DOUBLE;               -- p-value of the pick against the baseline (where it is that: against its nearest rival), Holm-adjusted over the table; NULL: nothing to compare with, or not computed
ALTER TABLE policies ADD COLUMN over_majority_p DOUBLE; -- the same of over_majority; NULL: the pick is majority, or there is none
ALTER TABLE policies ADD COLUMN unheld VARCHAR;         -- what this run alone would name, where last night's strategy was kept; NULL: the same
ALTER TABLE curves ADD COLUMN generations DOUBLE;       -- mean generations a question, those that estimated its difficulty included
ALTER TABLE efficiencies ADD COLUMN net_factor DOUBLE;  -- the factor with those generations in place of the budget
ALTER TABLE efficiencies ADD COLUMN net_lo DOUBLE;      -- lower end of its 95 % interval; NULL: none
ALTER TABLE efficiencies ADD COLUMN net_hi DOUBLE;      -- upper end of that interval; NULL: no upper bound
