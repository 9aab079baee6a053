"""Answers that are mathematics: one spelling a meaning, and one form a class."""
