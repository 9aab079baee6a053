-- What a question carries for its grader besides the target.

ALTER TABLE questions ADD COLUMN accepted VARCHAR[];     -- further right targets; NULL: an older version wrote the question
ALTER TABLE questions ADD COLUMN choices VARCHAR[];      -- options as the question shows them under A, B, …, where the target is a letter; NULL: an older version wrote the question
ALTER TABLE questions ADD COLUMN tests VARCHAR[];        -- what an answer must pass; NULL: an older version wrote the question
ALTER TABLE questions ADD COLUMN question_group VARCHAR; -- what questions share that belong together; NULL: nothing
