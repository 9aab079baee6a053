-- What is read from a completion is its grader's doing: another version may read another answer in it.
-- What was written down before had the only grader that there was.

ALTER TABLE runs ADD COLUMN grader VARCHAR DEFAULT '1+math-verify-0.9.0'; -- version of the grader that decided on the run's answers

ALTER TABLE answers RENAME TO former_answers; -- a key cannot be changed in place

CREATE TABLE answers (                  -- grain: one ended completion's answer, as one version of a grader reads it
    node_key VARCHAR NOT NULL,          -- of the completion's end
    benchmark_fingerprint VARCHAR NOT NULL,
    question_id VARCHAR NOT NULL,
    grader VARCHAR NOT NULL DEFAULT '1+math-verify-0.9.0', -- version of the grader
    answer VARCHAR,                     -- as written; NULL: no answer marker
    canonical VARCHAR,                  -- canonical form, the class in a vote; NULL: no answer
    PRIMARY KEY (benchmark_fingerprint, question_id, node_key, grader)
);

INSERT INTO answers BY NAME SELECT * FROM former_answers;

DROP TABLE former_answers;
