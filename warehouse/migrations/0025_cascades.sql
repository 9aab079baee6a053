-- The larger model that a run's cascades ask.

ALTER TABLE runs ADD COLUMN larger_fingerprint VARCHAR; -- model that cascades pass questions on to; NULL: the study has none
