ALTER TABLE draws ADD COLUMN step_ends INTEGER[]; -- characters of the text at which its steps end
