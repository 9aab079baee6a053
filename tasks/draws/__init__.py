"""Memoised draws and scores: the first n children of a prefix, drawn once and for all."""
