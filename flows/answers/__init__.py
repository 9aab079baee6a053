"""The endpoint of `ttc serve`: what it takes, refuses, answers and streams."""
