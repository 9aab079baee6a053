-- What a strategy that chooses from a pool reaches when a question may cost so many tokens (METHOD §12).

CREATE TABLE token_outcomes (           -- grain: one question under one pool strategy at one budget in tokens of one run
    run_id VARCHAR NOT NULL,
    strategy VARCHAR NOT NULL,
    token_budget INTEGER NOT NULL,      -- generated tokens that a question may cost
    question_id VARCHAR NOT NULL,
    accuracy DOUBLE NOT NULL CHECK (accuracy BETWEEN 0 AND 1), -- expected share of correct answers over random orders of the pool
    mc_error DOUBLE NOT NULL,           -- Monte-Carlo standard error of accuracy; 0 where exact
    generations DOUBLE NOT NULL,        -- mean number of completions that ended within the budget
    generated_tokens DOUBLE NOT NULL,   -- mean, those of the completion that was cut included
    cut DOUBLE NOT NULL,                -- share of orders in which a completion was in flight when the budget was spent
    PRIMARY KEY (run_id, strategy, token_budget, question_id)
);
