"""Answers that are mathematics: one spelling a meaning, their structure, what equals what."""
