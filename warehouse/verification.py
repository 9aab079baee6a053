"""Whether every object of a journal still has the bytes that were written.

A merged segment is read again only by a rebuild: rot in it would else show years later.
"""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from warehouse import sequence
from warehouse.disks.seals import is_sealed
from warehouse.errors import Gone
from warehouse.folder import write_whole
from warehouse.journal import is_whole
from warehouse.places import Place, place_of

REACHED = "verified"
"""File beside the database with the name of the object that was looked at last."""


class Checked(NamedTuple):
    """An object that was read."""

    name: str
    bytes: int
    is_whole: bool


def check(place: Place, names: list[str]) -> Iterator[Checked]:
    """The objects as they are on disk; those that are gone since they were listed are left out."""
    for name in names:
        try:
            content = place.read(name)
            if not is_sound(name, content):
                # Somebody may be copying it.
                content = place.read_settled(name)
        except Gone:
            continue
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            # So a disk speaks of what it cannot read any more.
            content = b""
        yield Checked(name, len(content), is_sound(name, content))


def check_all(folder: Path) -> Iterator[Checked]:
    """Every object of a warehouse's journal; no lock is needed, as none of them ever changes."""
    place = place_of(folder)
    yield from check(place, sorted(_sizes(place)))


def check_some(folder: Path, most_bytes: int) -> list[Checked]:
    """The next objects, of `most_bytes` together and one at least, each time others; by name."""
    place = place_of(folder)
    sizes = _sizes(place)
    note = folder / REACHED
    # Any bytes will do: one that is damaged has it begin elsewhere.
    reached = note.read_text(errors="replace") if note.exists() else ""
    later = sorted(name for name in sizes if name > reached)
    names: list[str] = []
    total = 0
    # After the last the first again; none twice.
    for name in [*later, *sorted(sizes.keys() - later)]:
        names.append(name)
        total += sizes[name]
        if total >= most_bytes:
            break
    checked = list(check(place, names))
    if names:
        write_whole(note, names[-1].encode())
    return checked


def advice(damaged: Checked, folder: Path) -> str:
    """What to do about one that is not whole."""
    place = place_of(folder).address
    if damaged.name.startswith(f"{sequence.ROOM}/"):
        return (
            f"warehouse: {place}/{damaged.name} is damaged: no row is missing; copy the file from "
            "a backup, as it says in which order segments are merged."
        )
    return (
        f"warehouse: segment {place}/{damaged.name} is damaged: copy the file from a backup. The "
        "database may still have its rows (`ttc warehouse export FOLDER` writes them out); until "
        "the file is whole again, do not run `ttc warehouse rebuild`."
    )


def _sizes(place: Place) -> dict[str, int]:
    """Bytes of all objects by name; what lies in `damaged/` is known to be so."""
    sizes = place.sizes()
    return {name: size for name, size in sizes.items() if not name.startswith("damaged/")}


def is_sound(name: str, content: bytes) -> bool:
    """Whether these are the bytes that were written under an object's name."""
    if name.startswith(f"{sequence.ROOM}/"):
        return is_sealed(content)
    return is_whole(name, content)
