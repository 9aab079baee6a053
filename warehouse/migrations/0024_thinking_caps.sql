-- What a cap on thinking did to the completions of a cell (METHOD §12).

ALTER TABLE outcomes ADD COLUMN forced_ends DOUBLE; -- share of its completions whose thinking was cut and whose answer was drawn behind that; NULL: nothing caps it
