-- One set of costs for every outcome, along each of which a policy can be fitted (METHOD §12).

ALTER TABLE outcomes ADD COLUMN cached_tokens DOUBLE;    -- of prompt_tokens, those that the strategy had sent or written before; NULL: not counted, or not told
ALTER TABLE outcomes ADD COLUMN latency_tokens DOUBLE;   -- generated on the longest path: parallel draws cost the slowest, rounds add up; NULL: not counted, or not told
ALTER TABLE outcomes ADD COLUMN latency_seconds DOUBLE;  -- the same at the pace at which requests were answered; NULL: not measured
ALTER TABLE outcomes ADD COLUMN engine_seconds DOUBLE;   -- seconds of engine time at the measured pace, over every model asked; NULL: not measured
ALTER TABLE outcomes ADD COLUMN money DOUBLE;            -- at the study's prices, over every model asked; NULL: a price or tokens unknown

ALTER TABLE probings ADD COLUMN latency_tokens BIGINT;   -- of its longest draw; NULL: not counted, or not told

ALTER TABLE paces ADD COLUMN waited_tokens BIGINT;       -- of the longest draw of every request, added up; NULL: a verifier, or not counted
ALTER TABLE paces ADD COLUMN waited_seconds DOUBLE;      -- that these requests took, added up; NULL likewise

ALTER TABLE cost_policies RENAME TO former_cost_policies; -- a CHECK cannot be changed in place

CREATE TABLE cost_policies (            -- grain: one bin at one level of one cost axis of one run's policy
    run_id VARCHAR NOT NULL,
    difficulty VARCHAR NOT NULL,
    axis VARCHAR NOT NULL,              -- what is paid in: generations, tokens, money, latency (tokens in a row), flops or seconds (of engine time)
    level INTEGER NOT NULL,             -- k: at most 2^k times the cost of one plain completion
    bin INTEGER NOT NULL,
    at_most DOUBLE NOT NULL,            -- cost allowed on a question, on the axis
    strategy VARCHAR NOT NULL,
    budget INTEGER NOT NULL,            -- generations at which the strategy is used
    questions INTEGER NOT NULL,
    accuracy DOUBLE NOT NULL,
    lo DOUBLE NOT NULL,
    hi DOUBLE NOT NULL,
    cost DOUBLE NOT NULL,               -- mean cost of a question of the bin; under difficulty 'probe' the probe's own included
    PRIMARY KEY (run_id, difficulty, axis, level, bin)
);

INSERT INTO cost_policies SELECT * FROM former_cost_policies;

DROP TABLE former_cost_policies;

ALTER TABLE cost_curves RENAME TO former_cost_curves; -- a CHECK cannot be changed in place

CREATE TABLE cost_curves (              -- grain: cross-validated accuracy at one level of one cost axis of one run
    run_id VARCHAR NOT NULL,
    difficulty VARCHAR NOT NULL,
    axis VARCHAR NOT NULL,              -- what is paid in, as in cost_policies
    level INTEGER NOT NULL,             -- k: at most 2^k times the cost of one plain completion
    at_most DOUBLE NOT NULL,            -- cost allowed on a question, on the axis
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
    factor DOUBLE,                      -- what the baseline costs to be as accurate, divided by cost; NULL: not computed
    factor_lo DOUBLE,                   -- lower end of its 95 % interval; NULL: none
    factor_hi DOUBLE,                   -- upper end of that interval; NULL: no upper bound
    beyond BOOLEAN,                     -- the baseline never gets there, so that the factor is a lower bound; NULL: not computed
    PRIMARY KEY (run_id, difficulty, axis, level)
);

INSERT INTO cost_curves BY NAME SELECT * FROM former_cost_curves;

DROP TABLE former_cost_curves;
