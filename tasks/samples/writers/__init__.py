"""Sample logs written as other tools write theirs, and as ours."""
