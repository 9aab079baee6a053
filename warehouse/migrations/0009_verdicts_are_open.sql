-- Verdicts of any grader: what there is besides correct and wrong is the grader's own word.

ALTER TABLE grades RENAME TO former_grades; -- a CHECK cannot be dropped in place

CREATE TABLE grades (                   -- grain: one distinct answer of one question
    benchmark_fingerprint VARCHAR NOT NULL,
    question_id VARCHAR NOT NULL,
    canonical VARCHAR NOT NULL,
    grader VARCHAR NOT NULL,            -- version of the grader
    verdict VARCHAR NOT NULL,           -- correct, wrong, or the grader's word for why it is neither: unparsed, timeout, memory or crashed in mathematics
    PRIMARY KEY (benchmark_fingerprint, question_id, canonical, grader)
);

INSERT INTO grades SELECT * FROM former_grades;

DROP TABLE former_grades;
