-- What a run's model is a version of, so that one night's model is compared with the one before it.

ALTER TABLE runs ADD COLUMN family VARCHAR; -- what the model is a version of; NULL: an old run, whose model's name stands for it
