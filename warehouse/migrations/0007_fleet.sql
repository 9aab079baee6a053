-- What it is worth to spend one budget unevenly over the bins.

CREATE TABLE allocations (              -- grain: one average budget of one difficulty of one run
    run_id VARCHAR NOT NULL,
    difficulty VARCHAR NOT NULL,
    budget INTEGER NOT NULL,            -- generations allowed on a question on average
    spent DOUBLE NOT NULL,              -- generations used on average: less where more of them gain nothing
    uniform DOUBLE NOT NULL,            -- cross-validated accuracy with that budget on every question, the compute-optimal curve
    accuracy DOUBLE NOT NULL,           -- cross-validated accuracy with the budget spent by marginal gain over bins
    gain DOUBLE NOT NULL,               -- accuracy minus uniform
    gain_lo DOUBLE,                     -- lower end of its 95 % interval, paired
    gain_hi DOUBLE,                     -- upper end of that interval
    bin_budgets DOUBLE[] NOT NULL,      -- mean budget of each bin's questions, easiest bin first; between two measured budgets: some questions get the one, some the other
    PRIMARY KEY (run_id, difficulty, budget)
);
