-- How much of a draw is thinking (METHOD §15), which is no answer and which few verifiers are shown.

ALTER TABLE draws ADD COLUMN thinking_tokens INTEGER; -- of generated_tokens, those up to the end of thinking, all while it never ended; NULL: its format knows no thinking
ALTER TABLE draws ADD COLUMN thinking_steps INTEGER;  -- of step_keys, the first ones that are thinking; NULL likewise
