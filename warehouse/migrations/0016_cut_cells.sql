-- What a cell of a policy lost (METHOD §7): what is cut is cheap, and no reason to name it.

ALTER TABLE policies ADD COLUMN truncated DOUBLE;   -- mean share of the strategy's completions in the bin that were cut; NULL: not counted
ALTER TABLE policies ADD COLUMN no_answer DOUBLE;   -- mean share of them without an answer, cut ones included; NULL: not counted
ALTER TABLE policies ADD COLUMN recommended BOOLEAN; -- FALSE: most completions of every strategy were cut, and the baseline stands here in place of a recommendation; NULL: not asked
