"""Segments read and put together by table: as many at a time as memory has room for."""

from collections.abc import Callable, Iterator
from itertools import groupby

from warehouse.journal import Segment
from warehouse.sequence import table_of

BATCH_ROWS = 200_000
"""Rows merged at a time: a rebuild takes many small segments in one transaction, within memory."""

BATCH_BYTES = 16 << 20
"""Bytes in memory merged at a time, but for one segment that is larger: a draw may have 32,000
token ids. A batch is there twice while it is put together."""


def batches(
    names: list[str], load: Callable[[str], Segment | None]
) -> Iterator[tuple[str, list[Segment]]]:
    """Batches of segments of one table, in the journal's order within each table."""
    # Stable: within a table the order stays.
    for table, group in groupby(sorted(names, key=table_of), key=table_of):
        batch: list[Segment] = []
        height = size = 0
        for name in group:
            segment = load(name)
            if segment is None:
                continue
            batch.append(segment)
            height += segment.rows.height
            size += segment.rows.estimated_size()
            if height >= BATCH_ROWS or size >= BATCH_BYTES:
                yield table, batch
                batch = []
                height = size = 0
        yield table, batch
