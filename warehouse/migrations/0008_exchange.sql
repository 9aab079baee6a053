-- The small model under its policy against a larger one decoded greedily, at equal FLOPs (METHOD §8).

CREATE TABLE exchanges (                -- grain: one bin under one ratio of inference to training of one run and larger model; bin 0 is all questions
    run_id VARCHAR NOT NULL,
    large_fingerprint VARCHAR NOT NULL, -- hash of the larger model's version
    large_model VARCHAR NOT NULL,       -- its name in the study
    difficulty VARCHAR NOT NULL,        -- the bins that policy and row refer to: 'oracle', 'predicted' or 'probe'
    source VARCHAR NOT NULL CHECK (source IN ('study', 'cards')), -- where the ratio is from: named in the study, or both models' training tokens in their cards
    ratio DOUBLE NOT NULL,              -- inference tokens per training token (R of the paper)
    bin INTEGER NOT NULL,               -- 1 easiest … 5 hardest; 0: all questions
    parameter_ratio DOUBLE NOT NULL,    -- parameters of the larger model over the small one's, without embeddings
    multiple DOUBLE NOT NULL,           -- generations the small model has for the FLOPs of one of the larger model (k)
    budget INTEGER NOT NULL,            -- largest measured budget that is at most the multiple
    questions INTEGER NOT NULL,
    alone DOUBLE,                       -- the small model's pass@1; NULL: budget 1 was not measured
    small DOUBLE NOT NULL,              -- accuracy of the small model under its policy at that budget, cross-validated
    small_lo DOUBLE,                    -- lower end of its 95 % interval
    small_hi DOUBLE,                    -- upper end of its 95 % interval
    large DOUBLE NOT NULL,              -- share of questions that the larger model's greedy completion gets right
    large_lo DOUBLE,                    -- lower end of its 95 % interval
    large_hi DOUBLE,                    -- upper end of its 95 % interval
    difference DOUBLE NOT NULL,         -- small − large
    lo DOUBLE,                          -- lower end of the difference's paired 95 % interval
    hi DOUBLE,                          -- upper end of the difference's paired 95 % interval
    relative DOUBLE,                    -- difference / large; NULL: the larger model is never right
    relative_lo DOUBLE,                 -- lower end of its 95 % interval; NULL: unknown
    relative_hi DOUBLE,                 -- upper end of its 95 % interval; NULL: unknown
    PRIMARY KEY (run_id, large_fingerprint, difficulty, source, ratio, bin)
);
