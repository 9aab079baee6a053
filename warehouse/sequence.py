"""The one order in which every index merges the segments of a journal.

Of two segments that hold different rows of one key the first merged wins, so all indexes over one
journal, on whichever machine, must merge in one order, and a rebuild too. It is a log of numbered
entries that are created once: of several processes that write the next number one succeeds, and the
others read what it wrote and take a later number. Now and then a whole order stands in for the
entries up to its number.
"""

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from warehouse.disks.seals import is_sealed, seal, unseal
from warehouse.errors import Gone, UserError, say
from warehouse.places import Place

ROOM = "sequence"
FORMER = "order"
"""File of journals from before the log: names in the order of their merging, one a line."""

WHOLE_EVERY = 32
"""Entries between whole orders: an opening reads at most twice as many."""

PATIENCE_SECONDS = 90.0
"""A network file system may list what it knew a minute ago (`acdirmax` of NFS is 60 s)."""


class Entries(NamedTuple):
    """What a place holds of the log."""

    single: dict[int, str]
    """Names of the entries by number."""
    whole: dict[int, str]
    """Names of the whole orders by the number of the last entry in them."""


class Sequence:
    """The agreed order of the segments' names, as far as this process has read it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._at = 0
        self._whole_at = 0
        self._names: list[str] | None = None
        self._places: dict[str, int] | None = None
        self._replaced: set[str] = set()

    @property
    def names(self) -> list[str]:
        """All names in order; a segment that was set aside keeps its place."""
        if self._names is None:
            self._names = self._former()
        return self._names

    @property
    def replaced(self) -> set[str]:
        """Names whose rows are in another segment, and whose files may still be there."""
        return self._replaced

    def knows(self, name: str) -> bool:
        """Whether the name has its place, or had one before it was replaced."""
        return name in self._index() or name in self._replaced

    def table(self, table: str) -> list[str]:
        """Names of one table's segments in order."""
        return [name for name in self.names if table_of(name) == table]

    def before(self, name: str) -> list[str]:
        """Names of the same table that are merged before this one."""
        same = self.table(table_of(name))
        # One that was replaced meanwhile has no place: then all of its table may hold its rows.
        return same[: same.index(name)] if name in same else same

    def _index(self) -> dict[str, int]:
        if self._places is None:
            self._places = {name: place for place, name in enumerate(self.names)}
        return self._places

    def add(self, names: Iterable[str]) -> None:
        """The names have their places, after all that had one before; on disk for good."""
        wanted = list(names)
        until = time.monotonic() + PATIENCE_SECONDS
        while missing := [name for name in wanted if not self.knows(name)]:
            self._propose({"add": missing}, until)

    def replace(self, group: list[str], by: str) -> bool:
        """Whether `by` now has the place of the group, which are neighbours within their table.

        False, with nothing changed, when another process has replaced one of them before.
        """
        until = time.monotonic() + PATIENCE_SECONDS
        while self._neighbours(group):
            self._propose({"replace": group, "by": by}, until)
        return self.knows(by) and self._replaced.issuperset(group)

    def forget(self, names: Iterable[str]) -> None:
        """These were replaced and are gone: nobody will list them again."""
        self._replaced = self._replaced.difference(names)

    def _propose(self, entry: dict[str, Any], until: float) -> None:
        """Writes the next entry, or finds that another process has; then reads what there is."""
        created = self._place.create(_single(self._at + 1), seal(entry))
        before = self._at
        self.refresh()
        if created or self._at > before:
            return
        # Taken, yet not listed: wait for the listing to be renewed.
        if time.monotonic() > until:
            raise UserError(
                f"Expected to read what another process wrote into {self._place.address}/{ROOM}, "
                f"but for {PATIENCE_SECONDS:g} s its listing has not shown it: see that the file "
                "system's caches are renewed (NFS: acdirmax), then try again."
            )
        time.sleep(0.2)

    def refresh(self) -> None:
        """Reads what was added since, by whichever process."""
        while True:
            try:
                listed = self._listed()
                self._read_whole(listed)
                self._read_singles(listed)
            except Gone:
                # A whole order has taken its place since it was listed.
                time.sleep(0.05)
                continue
            break
        if self._at - self._whole_at >= WHOLE_EVERY:
            self._write_whole(listed)

    def _listed(self) -> Entries:
        listed = Entries({}, {})
        for name in self._place.sizes(ROOM):
            number, _, kind = name.rpartition("/")[2].partition(".")
            if number.isdigit() and kind in ("json", "whole.json"):
                side = listed.single if kind == "json" else listed.whole
                side[int(number)] = name
        return listed

    def _read_whole(self, listed: Entries) -> None:
        for number in sorted(listed.whole, reverse=True):
            if number <= self._at:
                self._whole_at = max(self._whole_at, number)
                return
            whole = self._read(listed.whole[number])
            # One that is damaged is passed over: the former one and all entries since are there.
            if whole:
                self._names = list(whole["names"])
                self._places = None
                self._replaced = set(whole["replaced"])
                self._at = number
                self._whole_at = number
                return

    def _read_singles(self, listed: Entries) -> None:
        # Up to a gap: an entry whose forerunner is not listed yet is read with it, later.
        while (name := listed.single.get(self._at + 1)) is not None:
            self._apply(self._read(name))
            self._at += 1

    def _read(self, name: str) -> dict[str, Any]:
        """What the object says; nothing when it is damaged: a line on stderr says so."""
        content = self._place.read(name)
        if is_sealed(content):
            return unseal(content)
        say(
            f"warehouse: {self._place.address}/{name} is damaged and passed over: segments that it "
            "alone names are merged after those that others name; no row is missing."
        )
        return {}

    def _apply(self, entry: dict[str, Any]) -> None:
        places = self._index()
        for name in entry.get("add", []):
            if not self.knows(name):
                places[name] = len(self.names)
                self.names.append(name)
        group = entry.get("replace", [])
        # Who wrote it had read all before it; not so who passes over a damaged entry.
        if group and self._neighbours(group):
            self._put_in_place(group, entry["by"])

    def _put_in_place(self, group: list[str], by: str) -> None:
        first = group[0]
        leave = {*group[1:], by}
        left = [name for name in self.names if name not in leave]
        self._names = [by if name == first else name for name in left]
        self._places = None
        self._replaced |= set(group)

    def _neighbours(self, group: list[str]) -> bool:
        """Whether the group stands in the order, in this order, with none of its table between."""
        places = self._index()
        if any(name not in places for name in group):
            return False
        table = table_of(group[0])
        between = self.names[places[group[0]] : places[group[-1]] + 1]
        return [name for name in between if table_of(name) == table] == group

    def _write_whole(self, listed: Entries) -> None:
        """Puts the order so far into one object; what the former one holds goes."""
        whole = {"names": self.names, "replaced": sorted(self._replaced)}
        name = f"{ROOM}/{self._at:010}.whole.json"
        self._place.create(name, seal(whole))
        # The former one and what came after it stay until the next: who lags may read them.
        former = self._whole_at
        for side in listed:
            for number, old in side.items():
                if number < former or (side is listed.single and number == former):
                    self._place.remove(old)
        self._whole_at = self._at

    def _former(self) -> list[str]:
        """Names that a journal's one file of order holds: those merged before there was a log."""
        try:
            content = self._place.read(FORMER)
        except Gone:
            return []
        # A rebuild noted every name again: the first place counts.
        return list(dict.fromkeys(content.decode(errors="replace").split()))


def table_of(name: str) -> str:
    """The table whose rows the segment holds."""
    return name.partition("/")[0]


def _single(number: int) -> str:
    return f"{ROOM}/{number:010}.json"
