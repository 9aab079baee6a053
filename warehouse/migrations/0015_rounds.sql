-- A search that ends by its rounds leaves prefixes that could have gone on: others than those cut at the token limit.

ALTER TABLE outcomes ADD COLUMN out_of_rounds DOUBLE; -- share of its completions, of those in truncated, that ended with the search's rounds; NULL: not counted
