"""A strategy in a file of the user's own: how it says what it is, how it is read and held."""

from tasks.strategies.own.declaring import groups, pool, search

__all__ = ["groups", "pool", "search"]
