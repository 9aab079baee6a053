"""Answers: where they stand in a text, which are the same, which are right."""
