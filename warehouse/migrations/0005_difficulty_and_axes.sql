-- Bins by a probe and by a frozen reference; what an engine takes for a token; policies along other costs than generations.

ALTER TABLE bins RENAME TO former_bins; -- a CHECK cannot be changed in place

CREATE TABLE bins (                     -- grain: one question under one difficulty of one run
    run_id VARCHAR NOT NULL,
    difficulty VARCHAR NOT NULL CHECK (difficulty IN ('oracle', 'predicted', 'probe', 'frozen')), -- frozen: as the first complete run of the family on this benchmark binned it
    question_id VARCHAR NOT NULL,
    value DOUBLE,                       -- oracle: pass@1; predicted: mean verifier score; both over the difficulty draws; probe: the latter as read from a few of them; frozen: pass@1 in the reference run
    bin INTEGER NOT NULL,               -- 1 easiest … 5 hardest
    PRIMARY KEY (run_id, difficulty, question_id)
);

INSERT INTO bins SELECT * FROM former_bins;

DROP TABLE former_bins;

CREATE TABLE probes (                   -- grain: the probe of one run, fitted on all its questions; its own bins come from probes fitted on the other half
    run_id VARCHAR PRIMARY KEY,
    draws INTEGER NOT NULL,             -- draws that it reads
    weights DOUBLE[] NOT NULL,          -- constant, share of the leading answer, share without answer; with a verifier also the leading answer's share of the scores, and the mean score
    cuts DOUBLE[] NOT NULL              -- falling; a value of cuts[1] or more is in bin 1
);

CREATE TABLE probings (                 -- grain: one question that the probe of one run has read
    run_id VARCHAR NOT NULL,
    question_id VARCHAR NOT NULL,
    generated_tokens BIGINT NOT NULL,   -- of the probe's draws
    prompt_tokens BIGINT NOT NULL,
    verifier_tokens BIGINT NOT NULL,    -- read to score them; 0 without a verifier
    PRIMARY KEY (run_id, question_id)
);

CREATE TABLE paces (                    -- grain: one model that one stage 'generate' asked
    run_id VARCHAR NOT NULL,
    model_fingerprint VARCHAR NOT NULL, -- of a generator or a verifier
    "at" TIMESTAMPTZ NOT NULL,          -- when the stage ended
    tokens BIGINT NOT NULL,             -- generated, or read by a verifier
    seconds DOUBLE NOT NULL,            -- in which it was at work; while several were, each has its part of the time
    PRIMARY KEY (run_id, model_fingerprint, "at")
);

CREATE TABLE cost_policies (            -- grain: one bin at one level of one cost axis of one run's policy
    run_id VARCHAR NOT NULL,
    difficulty VARCHAR NOT NULL,
    axis VARCHAR NOT NULL CHECK (axis IN ('flops', 'seconds')), -- what is paid in
    level INTEGER NOT NULL,             -- k: at most 2^k times the cost of one plain completion
    bin INTEGER NOT NULL,
    at_most DOUBLE NOT NULL,            -- cost allowed on a question, in FLOPs or seconds
    strategy VARCHAR NOT NULL,
    budget INTEGER NOT NULL,            -- generations at which the strategy is used
    questions INTEGER NOT NULL,
    accuracy DOUBLE NOT NULL,
    lo DOUBLE NOT NULL,
    hi DOUBLE NOT NULL,
    cost DOUBLE NOT NULL,               -- mean cost of a question of the bin; under difficulty 'probe' the probe's own included
    PRIMARY KEY (run_id, difficulty, axis, level, bin)
);

CREATE TABLE cost_curves (              -- grain: cross-validated accuracy at one level of one cost axis of one run
    run_id VARCHAR NOT NULL,
    difficulty VARCHAR NOT NULL,
    axis VARCHAR NOT NULL CHECK (axis IN ('flops', 'seconds')), -- what is paid in
    level INTEGER NOT NULL,             -- k: at most 2^k times the cost of one plain completion
    at_most DOUBLE NOT NULL,            -- cost allowed on a question, in FLOPs or seconds
    accuracy DOUBLE NOT NULL,
    lo DOUBLE NOT NULL,
    hi DOUBLE NOT NULL,
    cost DOUBLE NOT NULL,               -- mean cost of a question, cross-validated too; under difficulty 'probe' the probe's own included
    baseline VARCHAR NOT NULL,          -- the named baseline, which needs no difficulty
    baseline_budget INTEGER,            -- its largest budget within the level; NULL: none is
    baseline_accuracy DOUBLE,           -- its accuracy there
    gain DOUBLE,                        -- accuracy over the baseline's, paired; NULL: no baseline within the level
    gain_lo DOUBLE,                     -- lower end of the gain's 95 % interval
    gain_hi DOUBLE,                     -- upper end of that interval
    PRIMARY KEY (run_id, difficulty, axis, level)
);
