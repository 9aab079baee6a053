-- What a server or another tool's log does not say of a draw is NULL, and what rests on it too.

ALTER TABLE draws ALTER COLUMN token_ids DROP NOT NULL;         -- NULL: known by its text alone
ALTER TABLE draws ALTER COLUMN generated_tokens DROP NOT NULL;  -- NULL: not told
ALTER TABLE draws ALTER COLUMN prompt_tokens DROP NOT NULL;     -- NULL likewise
ALTER TABLE draws ALTER COLUMN cached_tokens DROP NOT NULL;     -- NULL likewise
ALTER TABLE scores ALTER COLUMN tokens DROP NOT NULL;           -- NULL: the score came with a log
ALTER TABLE samplings ALTER COLUMN temperature DROP NOT NULL;   -- NULL: the log does not tell
ALTER TABLE samplings ALTER COLUMN top_p DROP NOT NULL;         -- NULL likewise
ALTER TABLE samplings ALTER COLUMN top_k DROP NOT NULL;         -- NULL likewise
ALTER TABLE samplings ALTER COLUMN max_tokens DROP NOT NULL;    -- NULL likewise
ALTER TABLE model_versions ALTER COLUMN parameters DROP NOT NULL; -- NULL: unknown, as of a model behind an endpoint
ALTER TABLE model_versions ALTER COLUMN path DROP NOT NULL;     -- NULL: no folder of it is known
ALTER TABLE outcomes ALTER COLUMN generated_tokens DROP NOT NULL; -- NULL: not told by server or log
ALTER TABLE outcomes ALTER COLUMN prompt_tokens DROP NOT NULL;  -- NULL likewise
ALTER TABLE outcomes ALTER COLUMN verifier_tokens DROP NOT NULL; -- NULL likewise
ALTER TABLE outcomes ALTER COLUMN flops DROP NOT NULL;          -- NULL: tokens or parameters unknown
ALTER TABLE probings ALTER COLUMN generated_tokens DROP NOT NULL; -- NULL: not told
ALTER TABLE probings ALTER COLUMN prompt_tokens DROP NOT NULL;  -- NULL likewise
ALTER TABLE probings ALTER COLUMN verifier_tokens DROP NOT NULL; -- NULL likewise

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
    answer VARCHAR,                     -- as the source read it; NULL: not told, or none
    PRIMARY KEY (model_fingerprint, prefix_key, sampling_key, replicate, child, metric)
);
