-- Steps that are longer than anybody thought, and searches that end by their rounds.

ALTER TABLE draws ADD COLUMN longest_step INTEGER;    -- tokens of the longest of its own steps; NULL: it has none, or not counted
ALTER TABLE outcomes ADD COLUMN out_of_rounds DOUBLE; -- share of its completions, of those in truncated, that could go on when the search's rounds ended; NULL: not counted
