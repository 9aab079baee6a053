-- Whether adapting to difficulty beats one strategy for all questions, chosen on the same folds (METHOD §14).

ALTER TABLE curves ADD COLUMN fixed VARCHAR;          -- the strategy that is most accurate over all questions at this budget; NULL: a run from before it was chosen
ALTER TABLE curves ADD COLUMN fixed_accuracy DOUBLE;  -- of the one strategy that the other fold chooses, cross-validated like accuracy; NULL likewise
ALTER TABLE curves ADD COLUMN fixed_lo DOUBLE;        -- lower end of its 95 % interval
ALTER TABLE curves ADD COLUMN fixed_hi DOUBLE;        -- upper end of that interval
ALTER TABLE curves ADD COLUMN ahead DOUBLE;           -- accuracy minus fixed_accuracy, paired
ALTER TABLE curves ADD COLUMN ahead_lo DOUBLE;        -- lower end of its 95 % interval
ALTER TABLE curves ADD COLUMN ahead_hi DOUBLE;        -- upper end of that interval
ALTER TABLE curves ADD COLUMN adapts BOOLEAN;         -- TRUE: the table by bins is recommended; FALSE: the fixed strategy is, for adapting is not ahead of it beyond the interval; NULL: not computed
