-- Where a draw's confidence fell, so that it can be stopped there afterwards (METHOD §13).

ALTER TABLE draws ADD COLUMN confidence_falls INTEGER[]; -- each time that the window behind a token is less sure than all before: tokens up to there, mean in 64ths; NULL: its engine did not tell
