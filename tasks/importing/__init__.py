"""Samples that another tool drew, made a run of ours: from its log to draws, scores and a study."""
