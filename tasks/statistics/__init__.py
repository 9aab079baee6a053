"""Estimators, intervals and the choice of a policy: numbers in, numbers out."""
