-- The tables that grow with every completion, in a file of their own (`large.duckdb`): a copy of all
-- else is small, and can be made every few seconds. They have no PRIMARY KEY, whose index takes 150
-- bytes of memory a row: their keys stand in their comments, and the loader sees to them.

CREATE TABLE draws (                    -- grain: one child of a prefix
    model_fingerprint VARCHAR NOT NULL,
    prefix_key VARCHAR NOT NULL,        -- hash of the token ids before the draw
    sampling_key VARCHAR NOT NULL,
    replicate INTEGER NOT NULL,
    child INTEGER NOT NULL,             -- index among the children of this prefix, from 0
    benchmark_fingerprint VARCHAR NOT NULL,
    question_id VARCHAR NOT NULL,
    node_key VARCHAR NOT NULL,          -- hash of the token ids up to the draw's end = prefix_key of its own children
    step_keys VARCHAR[] NOT NULL,       -- node_key at the end of every step inside the draw, the last one included
    step_ends INTEGER[],                -- characters of the text at which its steps end; NULL: an older version wrote the draw
    depth INTEGER NOT NULL,             -- steps before the draw (0: drawn from the question itself)
    text VARCHAR NOT NULL,              -- what the model wrote
    token_ids INTEGER[],                -- token ids of the draw; NULL: known by its text alone
    stop VARCHAR NOT NULL CHECK (stop IN ('end', 'step', 'limit')), -- end of text, end of a step, token limit
    run_id VARCHAR NOT NULL,            -- the run that paid for it
    role VARCHAR NOT NULL,              -- proposer | difficulty | lookahead | revision
    generated_tokens INTEGER,           -- tokens generated; NULL: not told
    thinking_tokens INTEGER,            -- of generated_tokens, those up to the end of thinking, all while it never ended; NULL: its format knows no thinking
    thinking_steps INTEGER,             -- of step_keys, the first ones that are thinking; NULL likewise
    longest_step INTEGER,               -- tokens of the longest of its own steps; NULL: it has none, or not counted
    prompt_tokens INTEGER,              -- of its own request; 0 on siblings that shared one; NULL: not told
    cached_tokens INTEGER,              -- prompt tokens that came from the prefix cache, likewise
    requests INTEGER NOT NULL,          -- 1 on a child with a request of its own, 0 on siblings that shared one
    drawn_at TIMESTAMPTZ NOT NULL
);

COMMENT ON TABLE draws IS 'key: model_fingerprint, prefix_key, sampling_key, replicate, child';

CREATE TABLE scores (                   -- grain: one verifier's opinion of one step end
    verifier_fingerprint VARCHAR NOT NULL,
    node_key VARCHAR NOT NULL,
    benchmark_fingerprint VARCHAR NOT NULL,
    question_id VARCHAR NOT NULL,
    score DOUBLE NOT NULL CHECK (score BETWEEN 0 AND 1),
    run_id VARCHAR NOT NULL,
    tokens INTEGER,                     -- verifier tokens from the question to this step's end: what a request that ends here reads; NULL: the score came with a log
    requests INTEGER NOT NULL,          -- 1 where a request ended, 0 on the earlier steps it scored in passing
    scored_at TIMESTAMPTZ NOT NULL
);

COMMENT ON TABLE scores IS 'key: verifier_fingerprint, node_key';

CREATE TABLE answers (                  -- grain: one ended completion's answer, as one version of a grader reads it
    node_key VARCHAR NOT NULL,          -- of the completion's end
    benchmark_fingerprint VARCHAR NOT NULL,
    question_id VARCHAR NOT NULL,
    grader VARCHAR NOT NULL DEFAULT '1+math-verify-0.9.0', -- version of the grader
    answer VARCHAR,                     -- as written; NULL: no answer marker
    canonical VARCHAR,                  -- canonical form of the answer; NULL: no answer
    class VARCHAR                       -- class in a vote where it is another than the canonical form; '': has no vote; NULL: the canonical form
);

COMMENT ON TABLE answers IS 'key: benchmark_fingerprint, question_id, node_key, grader';

CREATE TABLE stated_verdicts (          -- grain: one metric that a draw's source gave it, beside our verdict
    model_fingerprint VARCHAR NOT NULL,
    prefix_key VARCHAR NOT NULL,        -- of the draw, as in table draws
    sampling_key VARCHAR NOT NULL,
    replicate INTEGER NOT NULL,
    child INTEGER NOT NULL,
    metric VARCHAR NOT NULL,            -- name in the source
    benchmark_fingerprint VARCHAR NOT NULL,
    question_id VARCHAR NOT NULL,
    value DOUBLE,                       -- 1 right, 0 wrong, else as the source has it; NULL: the source could not tell
    answer VARCHAR                      -- as the source read it; NULL: not told, or none
);

COMMENT ON TABLE stated_verdicts IS 'key: model_fingerprint, prefix_key, sampling_key, replicate, child, metric';

CREATE TABLE segments (                 -- grain: one journal segment whose rows are in this database
    name VARCHAR PRIMARY KEY,           -- '<table>/<file name>' below journal/
    table_name VARCHAR NOT NULL,        -- the table that its rows belong to
    rows BIGINT NOT NULL,               -- rows in the segment, those already known included
    merged_at TIMESTAMPTZ NOT NULL      -- when they came into this database
);
