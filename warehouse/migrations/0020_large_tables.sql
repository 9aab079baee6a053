-- What grows with every completion lies in a file of its own (migrations/large) and is filled anew
-- from the journal.

DROP TABLE draws;

DROP TABLE scores;

DROP TABLE answers;

DROP TABLE stated_verdicts;

DELETE FROM segments WHERE table_name IN ('draws', 'scores', 'answers', 'stated_verdicts');

CREATE TABLE copies (                   -- grain: the last copy for readers of the large tables (draws, scores, answers, stated_verdicts); at most one row
    copied_at TIMESTAMPTZ NOT NULL,     -- when it was complete; what these tables got later is not in it
    newest TIMESTAMPTZ,                 -- when the newest segment in it was merged; NULL: it has none
    bytes BIGINT NOT NULL,              -- its size
    seconds DOUBLE NOT NULL             -- that copying took; after 20 times as many the next is due
);
