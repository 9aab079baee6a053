-- What a run spent, once draws and scores that it paid for were pruned.

CREATE TABLE settled_costs (            -- grain: one role in one run of which draws or scores were pruned, as view cost_by_role had it before
    run_id VARCHAR NOT NULL,
    role VARCHAR NOT NULL,              -- proposer | difficulty | lookahead | revision | exchange | verifier
    requests BIGINT,                    -- requests sent to the engine (or to the verifier)
    draws BIGINT NOT NULL,              -- draws paid for; 0 for the verifier
    scores BIGINT NOT NULL,             -- scores paid for; 0 for the generator's roles
    generated_tokens BIGINT,            -- tokens generated
    thinking_tokens BIGINT,             -- of these, thinking; NULL where the format knows none, and for the verifier
    answer_tokens BIGINT,               -- of these, what follows thinking; NULL likewise
    prompt_tokens BIGINT,               -- prompt tokens sent, those answered from the prefix cache included
    cached_tokens BIGINT,               -- prompt tokens answered from the prefix cache
    verifier_tokens BIGINT,             -- tokens the verifier read
    flops DOUBLE,                       -- 2 · parameters · tokens computed; NULL: parameters unknown
    PRIMARY KEY (run_id, role)
);
