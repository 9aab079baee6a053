-- How many draws stand behind a question's figure, without which one right draw looks as sure as the mean of many (METHOD §7).

ALTER TABLE outcomes ADD COLUMN repeats DOUBLE; -- independent draws behind accuracy: a pool's draws over the budget, the groups that were run over those that are used, 1 for one run; NULL: not counted
