-- Runs whose study revises attempts: by which model, judged by which verifier.

ALTER TABLE runs ADD COLUMN reviser_fingerprint VARCHAR; -- model that revises attempts, the generator itself included; NULL: the study does not revise
ALTER TABLE runs ADD COLUMN judge_fingerprint VARCHAR;   -- verifier of attempts in sight of the earlier ones; NULL: the run's verifier judges them
