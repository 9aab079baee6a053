-- A kind of difficulty is declared in tasks/statistics/difficulty.py; the table takes whatever is declared there.

ALTER TABLE bins RENAME TO former_bins; -- a CHECK cannot be changed in place

CREATE TABLE bins (                     -- grain: one question under one difficulty of one run
    run_id VARCHAR NOT NULL,
    difficulty VARCHAR NOT NULL,        -- frozen: as the first complete run of the family on this benchmark binned it
    question_id VARCHAR NOT NULL,
    value DOUBLE,                       -- oracle: pass@1; predicted: mean verifier score; both over the difficulty draws; probe: the latter as read from a few of them; frozen: pass@1 in the reference run
    bin INTEGER NOT NULL,               -- 1 easiest … 5 hardest
    PRIMARY KEY (run_id, difficulty, question_id)
);

INSERT INTO bins SELECT * FROM former_bins;

DROP TABLE former_bins;
