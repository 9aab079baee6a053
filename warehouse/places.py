"""Where a journal's bytes lie: what a folder and an object store have in common, and which it is.

A place holds named objects (`<room>/<name>`). Each appears whole or not at all, is on disk for good
once it is created, and is never changed.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from warehouse.errors import UserError
from warehouse.folder import Folder, write_whole

POINTER = "journal.url"
"""File in a warehouse's folder that names its journal where that is not beside the database."""


class Place(Protocol):
    """Named objects, shared by all processes that may reach them."""

    address: str
    """The folder or URL, as a user would look it up."""

    def sizes(self, room: str = "") -> dict[str, int]:
        """Bytes of every object, or of those below `room/`, by name.

        What is created meanwhile may be missing; it is there at some later asking.
        """
        ...

    def read(self, name: str) -> bytes:
        """The object's bytes. Raises Gone when there is none of that name (any more)."""
        ...

    def read_settled(self, name: str) -> bytes:
        """As `read`, once nobody has written to the object for a while."""
        ...

    def take_back(self, is_whole: Callable[[str, bytes], bool]) -> list[str]:
        """Names of what was set aside within a day and is whole now: these are in their places."""
        ...

    def create(self, name: str, content: bytes) -> bool:
        """Whether this call has made the object; one of that name that was there stays as it is."""
        ...

    def remove(self, name: str) -> None:
        """The object is gone; that it was gone before is no error."""
        ...

    def set_aside(self, name: str) -> str:
        """Where the object lies now: below `damaged/`, no longer under its name."""
        ...

    def sweep(self) -> None:
        """Removes what writers that were killed long ago left half written."""
        ...


def place_of(folder: Path) -> Place:
    """The journal's place of a warehouse's folder: `journal/` in it, or what `appoint` has named.

    Raises UserError for an address that is none.
    """
    address = _appointed(folder)
    if address is None:
        return Folder(Path(folder) / "journal")
    return open_place(address)


def appoint(folder: Path, address: str) -> None:
    """The folder's journal is at `address` from now on: a URL (`s3://bucket/prefix`) or a path.

    Raises UserError when the folder has a journal already, elsewhere: a database is an index over
    one journal, and what is only in another one would be lost at the next rebuild.
    """
    folder = Path(folder)
    address = address.rstrip("/")
    if _appointed(folder) == address:
        return
    here = folder / "journal"
    known = _appointed(folder) or (str(here) if here.exists() else None)
    if known is not None:
        raise UserError(
            f"Expected the journal of {folder} to be {address} (TTC_JOURNAL), but it is {known}: "
            f"leave TTC_JOURNAL out, choose another TTC_HOME, or copy all files of {known} to "
            f"{address}, move {here} away if it is there, write the new address into "
            f"{folder / POINTER} and run `ttc warehouse rebuild`."
        )
    # Refused before it is remembered: a folder must not be left with an address that is none.
    open_place(address)
    make_folder(folder)
    write_whole(folder / POINTER, f"{address}\n".encode())


def make_folder(folder: Path) -> None:
    """The warehouse's folder; the state folder around it, where it is new, is its owner's alone."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)


def _appointed(folder: Path) -> str | None:
    pointer = Path(folder) / POINTER
    return pointer.read_text().strip() if pointer.exists() else None


def open_place(address: str) -> Place:
    if "://" in address and not address.startswith("file://"):
        # Imported here: most warehouses need no object store, and `ttc --help` needs none.
        from warehouse.disks.bucket import Bucket

        return Bucket.open(address)
    path = Path(address.removeprefix("file://")).expanduser()
    if not path.is_absolute():
        raise UserError(
            f"Expected a journal's address to be a URL such as s3://bucket/prefix or the whole "
            f"path of a folder, got {address!r}: set TTC_JOURNAL to one of these."
        )
    return Folder(path)
