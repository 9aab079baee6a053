-- How sure the model was of a whole completion, where its engine was asked (METHOD §13).

ALTER TABLE draws ADD COLUMN lowest_confidence DOUBLE; -- mean of the tenth of its windows with the lowest −log p of the 20 likeliest tokens; NULL: its engine was not asked
ALTER TABLE draws ADD COLUMN mean_confidence DOUBLE;   -- mean of the same over all its tokens; NULL likewise
ALTER TABLE draws ADD COLUMN tail_confidence DOUBLE;   -- mean of the same over its last window; NULL likewise
