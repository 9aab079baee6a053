"""The journal: what is known, as Parquet segments that any process on any machine may write.

A segment is `<table>/<utc time>-<sha256 of its bytes>.parquet` in a folder or an object store
(`warehouse.places`). It appears whole or not at all, is never changed, and is never read without
comparing its bytes with the hash in its name.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Self

import polars as pl

from warehouse import bundle
from warehouse.door import admit
from warehouse.errors import Gone, say
from warehouse.places import Place, place_of
from warehouse.sequence import Sequence, table_of

REPLACES = "ttc.replaces"
"""Key in a segment's Parquet metadata: JSON list of all segments whose rows it has taken over."""

_CHANGED = "its content is not what was written (the hash differs from that in its name)"


class Segment(NamedTuple):
    """A segment as it was read: its rows, and which former segments' rows are among them."""

    name: str
    rows: pl.DataFrame
    replaced: tuple[str, ...] = ()


class Journal:
    """The segments of one place, by their names `<table>/<time>-<hash>.parquet`.

    Writing is for every process and thread; the rest is for the one loader of an index.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.sizes: dict[str, int] = {}
        """Bytes of each segment, by name, when `names` was last asked."""
        self._sequence = Sequence(place)
        self._aside: set[str] = set()

    @classmethod
    def of(cls, folder: Path) -> Self:
        """The journal of a warehouse's folder, wherever it lies."""
        return cls(place_of(folder))

    def append(self, table: str, rows: pl.DataFrame) -> str | None:
        """The new segment's name, on disk for good when this returns; None for no rows.

        Raises ValueError for rows that the table does not admit (see `warehouse.door`).
        """
        return self.write(table, admit(table, rows))

    def write(self, table: str, rows: pl.DataFrame) -> str | None:
        """As `append`, for rows that have come through the door already."""
        if rows.is_empty():
            return None
        return self._create(table, _stamp(), rows)

    def write_together(self, parts: Mapping[str, pl.DataFrame]) -> list[str]:
        """The new segments' names: rows of several tables, by table, that came through the door.

        After a kill at any moment all of them are in the journal, or none.
        """
        stamp = _stamp()
        segments: dict[str, bytes] = {}
        for table, rows in parts.items():
            content = _parquet(rows)
            segments[_name(table, stamp, content)] = content
        packed = bundle.pack(segments)
        name = f"{bundle.ROOM}/{stamp}-{_digest(packed)}.zip"
        self.place.create(name, packed)
        self._take_out(name, segments)
        # In one entry, where an order for each would take one.
        self._sequence.add(segments)
        return list(segments)

    def _take_out(self, name: str, segments: Mapping[str, bytes]) -> None:
        """Makes a bundle's segments; it goes when all of them are on disk."""
        for segment, content in segments.items():
            self.place.create(segment, content)
        self.place.remove(name)

    def _finish(self, name: str) -> None:
        """Takes out what a process that was killed, or is at it, has left in a bundle."""
        try:
            content = self.place.read(name)
        except Gone:
            return
        if not is_whole(name, content):
            content = self.place.read_settled(name)
        if not is_whole(name, content):
            self.set_aside(name, _CHANGED)
            return
        self._take_out(name, bundle.unpack(content))

    def _create(
        self, table: str, stamp: str, rows: pl.DataFrame, metadata: dict[str, str] | None = None
    ) -> str:
        content = _parquet(rows, metadata)
        name = _name(table, stamp, content)
        # One of this name that is there already has this very content: then all is done.
        self.place.create(name, content)
        return name

    def names(self) -> list[str]:
        """All segments there are, in the order in which every index merges them.

        Those that nobody has noted yet get their places, after all others, by their times. What
        was replaced by a process that was killed before it had tidied up is removed.
        """
        while True:
            self._sequence.refresh()
            before = set(self._sequence.names)
            self.sizes = self._segments()
            self._tidy()
            new = [name for name in self.sizes if not self._sequence.knows(name)]
            self._note(sorted(new, key=lambda name: name.partition("/")[2]))
            # What others noted meanwhile may not have been listed yet: look again.
            order = self._sequence.names
            if all(name in self.sizes or name in before for name in order):
                self._aside = {name for name in order if name not in self.sizes}
                return [name for name in order if name in self.sizes]

    def _segments(self) -> dict[str, int]:
        sizes = self.place.sizes()
        if bundles := [name for name in sizes if bundle.is_bundle(name)]:
            for name in bundles:
                self._finish(name)
            sizes = self.place.sizes()
        return {
            name: size
            for name, size in sizes.items()
            if name.endswith(".parquet") and name.count("/") == 1
        }

    def _tidy(self) -> None:
        """Removes files whose rows are in another segment."""
        replaced = self._sequence.replaced
        for name in replaced & self.sizes.keys():
            self.place.remove(name)
            del self.sizes[name]
        self._sequence.forget(replaced - self.sizes.keys())

    def _note(self, new: list[str]) -> None:
        if not new:
            return
        # One that was made to replace others has the time of the first of them, which else none
        # has: its maker was killed before it said so, or is about to say it.
        moments = {_moment(name) for name in self._sequence.names}
        for name in new:
            if _moment(name) in moments:
                self._complete(name)
        self._sequence.add(new)

    def _complete(self, name: str) -> None:
        """Gives a segment that replaces others their place, where they are still neighbours."""
        segment = self.read(name)
        replaced = segment.replaced if segment else ()
        # Those that the group itself had replaced are in the list too, and have no place any more.
        group = [other for other in replaced if other in self.sizes]
        if group:
            self._sequence.replace(group, name)

    def order(self, table: str) -> list[str]:
        """The table's segments in the agreed order, as `names` last gave them."""
        return [name for name in self._sequence.table(table) if name in self.sizes]

    def note(self, name: str) -> list[str]:
        """Names of the same table that every index merges before this one, which has its place now.

        Without those that were set aside.
        """
        self._sequence.add([name])
        before = self._sequence.before(name)
        return [other for other in before if other not in self._aside]

    def replace(self, group: list[Segment], rows: pl.DataFrame) -> str | None:
        """The name of the new segment that has the group's place; the group's files are gone.

        The group are neighbours within one table, in their order, and `rows` what is kept of them:
        of each key the row that was merged first. None when another process has replaced one of
        them. A kill at any moment loses no row and doubles none.
        """
        names = [segment.name for segment in group]
        ancestors = [old for segment in group for old in segment.replaced]
        metadata = {REPLACES: json.dumps([*ancestors, *names])}
        # The first one's time: by their times too segments stand as they are merged.
        stamp = _moment(names[0]).partition("/")[2]
        name = self._create(table_of(names[0]), stamp, rows, metadata)
        # Only now, as the new one is on disk for good.
        if not self._sequence.replace(names, name):
            return None
        for old in names:
            self.place.remove(old)
        self._sequence.forget(names)
        return name

    def read(self, name: str) -> Segment | None:
        """The segment; None when it is damaged: then it has been set aside and reported.

        Raises Gone when another process has replaced it or set it aside.
        """
        # Read once: the bytes that are hashed are those that are parsed, whatever the disk does.
        content = self.place.read(name)
        if not is_whole(name, content):
            # Somebody may be copying it: then it is whole in a while.
            content = self.place.read_settled(name)
        if not is_whole(name, content):
            self.set_aside(name, _CHANGED)
            return None
        metadata = pl.read_parquet_metadata(io.BytesIO(content))
        replaced = tuple(json.loads(metadata.get(REPLACES, "[]")))
        return Segment(name, pl.read_parquet(io.BytesIO(content)), replaced)

    def set_aside(self, name: str, reason: str) -> None:
        """The segment is no longer in the journal but in its `damaged/`; a line says what to do."""
        try:
            place = self.place.set_aside(name)
        except Gone:
            # Another process has set it aside, and said so.
            self._aside.add(name)
            return
        self._aside.add(name)
        say(
            f"warehouse: segment {name} set aside in {place}: {reason}. "
            "Its rows are missing: restore the file from a copy into the journal, "
            "or run the study again to draw them anew."
        )

    def sweep(self) -> None:
        """Removes what writers that were killed a day ago or longer left half written.

        What was set aside while it was copied, and is whole now, comes back into its place.
        """
        self.place.sweep()
        for name in self.place.take_back(is_whole):
            say(f"warehouse: segment {name} is whole now and back in the journal")


def _parquet(rows: pl.DataFrame, metadata: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    rows.write_parquet(buffer, compression="zstd", compression_level=3, metadata=metadata)
    return buffer.getvalue()


def _stamp() -> str:
    # First in every name: where the agreed order is lost, names still sort by it.
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def _name(table: str, stamp: str, content: bytes) -> str:
    return f"{table}/{stamp}-{_digest(content)}.parquet"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def is_whole(name: str, content: bytes) -> bool:
    """Whether these are the bytes that the object's name speaks of."""
    return _digest(content) == _digest_in(name)


def _digest_in(name: str) -> str:
    """The SHA-256 that an object's name says its bytes have."""
    return name.rpartition("-")[2].partition(".")[0]


def _moment(name: str) -> str:
    """`<table>/<utc time>` of a segment."""
    return name.rpartition("-")[0]
