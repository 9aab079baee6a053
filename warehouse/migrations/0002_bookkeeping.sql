-- What the database knows about itself; rebuilt with it, never in the journal.

CREATE TABLE segments (                 -- grain: one journal segment whose rows are in this database
    name VARCHAR PRIMARY KEY,           -- '<table>/<file name>' below journal/
    table_name VARCHAR NOT NULL,        -- the table that its rows belong to
    rows BIGINT NOT NULL,               -- rows in the segment, those already known included
    merged_at TIMESTAMPTZ NOT NULL      -- when they came into this database
);
