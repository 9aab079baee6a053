-- Facts, append-only: every table is filled from journal segments by natural key and never updated.
-- NULL means unknown, never zero.

CREATE TABLE model_versions (           -- grain: one model with the fingerprint of its weights, tokenizer and prompt template
    model_fingerprint VARCHAR PRIMARY KEY,
    model VARCHAR NOT NULL,             -- name in the study: 'bundled/congruences-generator', a Hugging Face id or a folder
    kind VARCHAR NOT NULL CHECK (kind IN ('generator', 'verifier')),
    parameters BIGINT NOT NULL,         -- without embeddings (METHOD §9)
    path VARCHAR NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL        -- first time a run used it
);

CREATE TABLE questions (                -- grain: one question of one benchmark content
    benchmark_fingerprint VARCHAR NOT NULL,
    question_id VARCHAR NOT NULL,
    benchmark VARCHAR NOT NULL,
    question VARCHAR NOT NULL,
    target VARCHAR NOT NULL,
    level INTEGER,                      -- the author's difficulty, 1 easiest; NULL unknown
    PRIMARY KEY (benchmark_fingerprint, question_id)
);

CREATE TABLE runs (                     -- grain: one execution of a study for one model version
    run_id VARCHAR PRIMARY KEY,
    study VARCHAR NOT NULL,             -- the study's name
    study_json VARCHAR NOT NULL,        -- the whole study as it was validated
    identity VARCHAR NOT NULL,          -- hash of all that decides the result; an unfinished run of the same identity is resumed
    benchmark VARCHAR NOT NULL,
    benchmark_fingerprint VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    model_fingerprint VARCHAR NOT NULL,
    verifier VARCHAR,                   -- NULL: a study without verifier
    verifier_fingerprint VARCHAR,
    aggregate VARCHAR NOT NULL,         -- how step scores become the completion's score: last | min | prod | mean
    seed BIGINT NOT NULL,
    replicate INTEGER NOT NULL,
    code_commit VARCHAR NOT NULL,
    packages_json VARCHAR NOT NULL,     -- {"vllm": "0.32.0", ...}
    opened_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE run_events (               -- grain: one thing that happened to a run
    run_id VARCHAR NOT NULL,
    event VARCHAR NOT NULL,             -- opened | resumed | stage | shard | complete | incomplete | unfrozen | harvested | failed | published | linked
    "at" TIMESTAMPTZ NOT NULL,          -- when; quoted, because AT is a keyword
    detail VARCHAR,                     -- stage name, a shard's questions and machine, what is missing, 'prefect:<flow run id>', 'mlflow:<run id>', why it was promoted or not, the alarm as JSON
    seconds DOUBLE,                     -- wall seconds of a stage or shard
    cpu_seconds DOUBLE,                 -- CPU seconds of a stage or shard, engines included; those of its shards are in the stage's
    PRIMARY KEY (run_id, event, "at")
);

CREATE TABLE run_cells (                -- grain: one strategy at one budget that the run owes
    run_id VARCHAR NOT NULL,
    strategy VARCHAR NOT NULL,          -- readable key, e.g. 'beam_search(m=4)/weighted'
    budget INTEGER NOT NULL,            -- generations allowed on one question
    PRIMARY KEY (run_id, strategy, budget)
);

CREATE TABLE run_questions (            -- grain: one question that the run owes
    run_id VARCHAR NOT NULL,
    question_id VARCHAR NOT NULL,
    PRIMARY KEY (run_id, question_id)
);

CREATE TABLE samplings (                -- grain: one set of sampling parameters
    sampling_key VARCHAR PRIMARY KEY,
    temperature DOUBLE NOT NULL,
    top_p DOUBLE NOT NULL,
    top_k INTEGER NOT NULL,
    max_tokens INTEGER NOT NULL,
    until VARCHAR NOT NULL CHECK (until IN ('end', 'step')) -- a draw ends at the completion's end, or at the next step's end
);

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
    depth INTEGER NOT NULL,             -- steps before the draw (0: drawn from the question itself)
    text VARCHAR NOT NULL,              -- what the model wrote
    token_ids INTEGER[] NOT NULL,
    stop VARCHAR NOT NULL CHECK (stop IN ('end', 'step', 'limit')), -- end of text, end of a step, token limit
    run_id VARCHAR NOT NULL,            -- the run that paid for it
    role VARCHAR NOT NULL,              -- proposer | difficulty | lookahead | revision
    generated_tokens INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,     -- of the request, on its first child; 0 on the siblings
    cached_tokens INTEGER NOT NULL,     -- prompt tokens that came from the prefix cache, likewise
    requests INTEGER NOT NULL,          -- 1 on the first child of a request, 0 on the siblings
    drawn_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (model_fingerprint, prefix_key, sampling_key, replicate, child)
);

CREATE TABLE scores (                   -- grain: one verifier's opinion of one step end
    verifier_fingerprint VARCHAR NOT NULL,
    node_key VARCHAR NOT NULL,
    benchmark_fingerprint VARCHAR NOT NULL,
    question_id VARCHAR NOT NULL,
    score DOUBLE NOT NULL CHECK (score BETWEEN 0 AND 1),
    run_id VARCHAR NOT NULL,
    tokens INTEGER NOT NULL,            -- verifier tokens from the question to this step's end: what a request that ends here reads
    requests INTEGER NOT NULL,          -- 1 where a request ended, 0 on the earlier steps it scored in passing
    scored_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (verifier_fingerprint, node_key)
);

CREATE TABLE verifier_failures (        -- grain: one failed verifier call; the score is missing, never 0
    run_id VARCHAR NOT NULL,
    verifier_fingerprint VARCHAR NOT NULL,
    node_key VARCHAR NOT NULL,
    question_id VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    failed_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (run_id, verifier_fingerprint, node_key)
);

CREATE TABLE answers (                  -- grain: one ended completion's answer
    node_key VARCHAR NOT NULL,          -- of the completion's end
    benchmark_fingerprint VARCHAR NOT NULL,
    question_id VARCHAR NOT NULL,
    answer VARCHAR,                     -- as written; NULL: no answer marker
    canonical VARCHAR,                  -- canonical form, the class in a vote; NULL: no answer
    PRIMARY KEY (benchmark_fingerprint, question_id, node_key)
);

CREATE TABLE grades (                   -- grain: one distinct answer of one question
    benchmark_fingerprint VARCHAR NOT NULL,
    question_id VARCHAR NOT NULL,
    canonical VARCHAR NOT NULL,
    grader VARCHAR NOT NULL,            -- version of the grader
    verdict VARCHAR NOT NULL CHECK (verdict IN ('correct', 'wrong', 'unparsed', 'timeout', 'memory', 'crashed')),
    PRIMARY KEY (benchmark_fingerprint, question_id, canonical, grader)
);

CREATE TABLE outcomes (                 -- grain: one question under one strategy at one budget in one run
    run_id VARCHAR NOT NULL,
    strategy VARCHAR NOT NULL,          -- 'pass' is coverage (what a perfect selector would reach), not a strategy
    budget INTEGER NOT NULL,
    question_id VARCHAR NOT NULL,
    accuracy DOUBLE NOT NULL CHECK (accuracy BETWEEN 0 AND 1), -- expected share of correct answers
    mc_error DOUBLE NOT NULL,           -- Monte-Carlo standard error of accuracy; 0 where exact
    answer VARCHAR,                     -- the answer served; NULL for averaged pools and when there is none
    no_answer DOUBLE NOT NULL,          -- share of its completions without an answer
    truncated DOUBLE NOT NULL,          -- share of its completions cut at the token limit
    generations DOUBLE NOT NULL,        -- completions' worth of draws consumed as if it ran alone (METHOD §9)
    generated_tokens DOUBLE NOT NULL,   -- as if it ran alone
    prompt_tokens DOUBLE NOT NULL,
    verifier_tokens DOUBLE NOT NULL,
    flops DOUBLE NOT NULL,              -- 2 · parameters · tokens over every model asked
    PRIMARY KEY (run_id, strategy, budget, question_id)
);

CREATE TABLE bins (                     -- grain: one question under one difficulty of one run
    run_id VARCHAR NOT NULL,
    difficulty VARCHAR NOT NULL CHECK (difficulty IN ('oracle', 'predicted')),
    question_id VARCHAR NOT NULL,
    value DOUBLE,                       -- oracle: pass@1; predicted: mean verifier score; over the difficulty draws
    bin INTEGER NOT NULL,               -- 1 easiest … 5 hardest
    PRIMARY KEY (run_id, difficulty, question_id)
);

CREATE TABLE policies (                 -- grain: one cell of one run's compute-optimal policy table
    run_id VARCHAR NOT NULL,
    difficulty VARCHAR NOT NULL,
    bin INTEGER NOT NULL,
    budget INTEGER NOT NULL,
    strategy VARCHAR NOT NULL,
    questions INTEGER NOT NULL,
    accuracy DOUBLE NOT NULL,
    lo DOUBLE NOT NULL,
    hi DOUBLE NOT NULL,
    gain DOUBLE,                        -- accuracy over the baseline's at the same bin and budget, paired; NULL: baseline absent
    gain_lo DOUBLE,                     -- lower end of the gain's 95 % interval
    gain_hi DOUBLE,                     -- upper end of the gain's 95 % interval
    over_majority DOUBLE,               -- accuracy over majority's at the same bin and budget, paired; NULL: majority absent
    over_majority_lo DOUBLE,            -- lower end of its 95 % interval
    over_majority_hi DOUBLE,            -- upper end of its 95 % interval
    decided BOOLEAN NOT NULL,           -- FALSE: cannot be told apart from the baseline; the cheapest is named
    PRIMARY KEY (run_id, difficulty, bin, budget)
);

CREATE TABLE curves (                   -- grain: cross-validated compute-optimal accuracy at one budget
    run_id VARCHAR NOT NULL,
    difficulty VARCHAR NOT NULL,
    budget INTEGER NOT NULL,
    accuracy DOUBLE NOT NULL,
    lo DOUBLE NOT NULL,
    hi DOUBLE NOT NULL,
    PRIMARY KEY (run_id, difficulty, budget)
);

CREATE TABLE efficiencies (             -- grain: efficiency factor at one budget (METHOD §7)
    run_id VARCHAR NOT NULL,
    difficulty VARCHAR NOT NULL,
    baseline VARCHAR NOT NULL,
    budget INTEGER NOT NULL,
    factor DOUBLE NOT NULL,             -- budget at which the baseline is as accurate, divided by this budget
    lo DOUBLE,                          -- lower end of the factor's 95 % interval; NULL: none
    hi DOUBLE,                          -- upper end of that interval; NULL: no upper bound
    beyond BOOLEAN NOT NULL,            -- TRUE: the baseline never gets there, factor is a lower bound
    PRIMARY KEY (run_id, difficulty, baseline, budget)
);
