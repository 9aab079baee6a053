"""Compaction: many small segments of a table become a few larger ones, in the place of the former.

Without it a year of nights leaves tens of thousands of files of a few kilobytes, each of which
every rebuild and every listing pays for.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from warehouse.door import complete, first_of_each_key
from warehouse.errors import Gone
from warehouse.journal import Journal, Segment
from warehouse.sequence import table_of

SMALL_BYTES = 1 << 20
"""A segment that is larger stays: reading it costs more than opening it."""

SMALL_SEGMENTS = 64
"""Small segments that a table may have: fewer are not worth the writing."""

GROUP_BYTES = 8 << 20
"""Bytes put together at a time."""

GROUP_MEMORY = 24 << 20
"""Bytes of rows put together at a time: they are held several times, and text may shrink 50-fold.

A long night compacts while it draws: with 64 MB its memory rose by 140 MB for it.
"""

GROUPS = 8
"""Groups a call: a long neglected journal must not keep a run from its start for minutes."""


class Joined(NamedTuple):
    """A new segment, how many rows it has, and the segments in whose place it stands."""

    name: str
    rows: int
    group: list[str]


def compact(journal: Journal) -> Iterator[Joined]:
    """Puts small neighbours together; yields each new segment once its forerunners are gone.

    Of each key the row that was merged first is kept. Call it when all that `journal.names` gave
    is merged; what another process replaces meanwhile is left to it.
    """
    done = 0
    for group in _groups(journal):
        if done == GROUPS:
            return
        joined = _put_together(journal, group)
        if joined is not None:
            done += 1
            yield joined


def _groups(journal: Journal) -> list[list[str]]:
    """Neighbours of one table, all small, of at most GROUP_BYTES together."""
    small = Counter(table_of(name) for name, size in journal.sizes.items() if size < SMALL_BYTES)
    crowded = {table for table, number in small.items() if number > SMALL_SEGMENTS}
    groups: list[list[str]] = []
    for table in sorted(crowded):
        group: list[str] = []
        total = 0
        for name in journal.order(table):
            size = journal.sizes[name]
            # A large one between two small ones parts them: their rows were merged around it.
            if size >= SMALL_BYTES or total + size > GROUP_BYTES:
                groups.append(group)
                group = []
                total = 0
            if size < SMALL_BYTES:
                group.append(name)
                total += size
        groups.append(group)
    return [group for group in groups if len(group) > 1]


def _put_together(journal: Journal, group: list[str]) -> Joined | None:
    """The new segment; None when not all of the group can be had any more."""
    segments: list[Segment] = []
    held = 0
    for name in group:
        try:
            segment = journal.read(name)
        except Gone:
            return None
        if segment is None:
            return None
        segments.append(segment)
        held += segment.rows.estimated_size()
        if held >= GROUP_MEMORY and len(segments) > 1:
            break
    rows = pl.concat([complete(one.name, one.rows) for one in segments], how="diagonal")
    kept = first_of_each_key(table_of(group[0]), rows)
    name = journal.replace(segments, kept)
    former = [segment.name for segment in segments]
    return None if name is None else Joined(name, kept.height, former)
