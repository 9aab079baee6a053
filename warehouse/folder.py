"""A journal's place in a folder, on this machine or on a network file system."""

import errno
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from warehouse.disks.trouble import ADVICE, name_file
from warehouse.errors import Gone, UserError

STALE_SECONDS = 24 * 3600.0
"""Age at which a half-written file has no writer any more, on whichever machine that was."""

SETTLED_SECONDS = 1.0
"""Without a write, after which a file is taken for copied as far as it will be."""

PATIENCE_SECONDS = 60.0
"""For a file that goes on growing, or has a time that is yet to come."""


class Folder:
    """Objects as files of one folder; made when first written to. A `warehouse.places.Place`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.address = str(path)

    def sizes(self, room: str = "") -> dict[str, int]:
        """Bytes of every object by name; half-written files are none."""
        homes = [self.path / room] if room else self._homes()
        found: dict[str, int] = {}
        for home in homes:
            found |= _sizes(home)
        return found

    def _homes(self) -> list[Path]:
        if not self.path.is_dir():
            return []
        homes = [home for home in sorted(self.path.iterdir()) if home.is_dir()]
        return [home for home in homes if home.name != "damaged"]

    def read(self, name: str) -> bytes:
        """The file's bytes; raises Gone when it is not there."""
        try:
            with name_file(self.path / name):
                return (self.path / name).read_bytes()
        except OSError as error:
            # NFS says "stale" of a file that another machine has removed.
            if error.errno in (errno.ENOENT, errno.ESTALE):
                raise Gone(name) from None
            raise

    def read_settled(self, name: str) -> bytes:
        """The file's bytes once it was not written to for SETTLED_SECONDS; raises Gone."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            try:
                age = time.time() - (self.path / name).stat().st_mtime
            except FileNotFoundError:
                raise Gone(name) from None
            # What lay here for long does not grow, however damaged it is.
            if age > SETTLED_SECONDS:
                break
            time.sleep(0.1)
        return self.read(name)

    def take_back(self, is_whole: Callable[[str, bytes], bool]) -> list[str]:
        """Names of what was set aside within a day and is whole now: these are in their places.

        Whoever was copying a file goes on writing to it wherever it lies.
        """
        aside = self.path / "damaged"
        oldest = time.time() - STALE_SECONDS
        names: list[str] = []
        for file in sorted(aside.glob("*/*")):
            name = f"{file.parent.name}/{file.name}"
            # Its time of change: a copy may bring the time of writing along.
            if file.stat().st_ctime >= oldest and is_whole(name, file.read_bytes()):
                # One that was copied there anew has the same content: the hash is in the name.
                file.rename(self.path / name)
                names.append(name)
        return names

    def create(self, name: str, content: bytes) -> bool:
        """Whether the file is new; it is on disk for good when this returns."""
        path = self.path / name
        home = path.parent
        if not home.is_dir():
            home.mkdir(parents=True, exist_ok=True)
            # A new folder is on disk only once those that list it are.
            sync_folder(self.path)
            sync_folder(self.path.parent)
        partial = write_partial(path, content)
        try:
            return self._link(partial, path)
        finally:
            partial.unlink()
            sync_folder(home)

    def _link(self, partial: Path, path: Path) -> bool:
        # A link, not a rename: of several processes, on several machines, one makes the name.
        try:
            path.hardlink_to(partial)
        except FileExistsError:
            # A network file system that asks twice may refuse what it did at the first asking.
            return partial.stat().st_nlink > 1
        except OSError as error:
            # Where links are not known the system says that this is not permitted.
            if error.errno in ADVICE and error.errno != errno.EPERM:
                raise
            raise UserError(
                f"Expected to write {path}, got {error.strerror}: see that the folder may be "
                "written, has room, and lies on a file system with hard links (they keep several "
                "writers apart); an object store will do as well (TTC_JOURNAL=s3://…)."
            ) from error
        return True

    def remove(self, name: str) -> None:
        """The file is gone."""
        (self.path / name).unlink(missing_ok=True)

    def set_aside(self, name: str) -> str:
        """Where the file lies now."""
        place = self.path / "damaged" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            (self.path / name).rename(place)
        except FileNotFoundError:
            # Another process met the same damage.
            raise Gone(name) from None
        return str(place)

    def sweep(self) -> None:
        """Removes what writers that were killed a day ago or longer left half written."""
        oldest = time.time() - STALE_SECONDS
        for home in self._homes():
            for file in home.glob(".*.partial"):
                if file.stat().st_mtime < oldest:
                    file.unlink(missing_ok=True)


def _sizes(home: Path) -> dict[str, int]:
    if not home.is_dir():
        return {}
    found: dict[str, int] = {}
    with os.scandir(home) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                found[f"{home.name}/{entry.name}"] = entry.stat().st_size
            except FileNotFoundError:
                # Removed since it was listed: then it is not there.
                continue
    return found


def write_whole(path: Path, content: bytes) -> None:
    """The file appears under its name with all its content on disk, or not at all."""
    # A rename within a folder is atomic.
    write_partial(path, content).rename(path)
    sync_folder(path.parent)


def write_partial(path: Path, content: bytes) -> Path:
    """The content on disk, in a hidden file beside `path` that no other writer has."""
    # Neither a process's number nor a thread's keeps machines apart that share the folder.
    partial = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.partial")
    try:
        with name_file(path), partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        # Half of a file is no use, and on a full disk it takes what is missing.
        with suppress(OSError):
            partial.unlink()
        raise
    return partial


def sync_folder(folder: Path) -> None:
    """What a folder lists is on disk when this returns; a file's own fsync leaves its name out."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with name_file(folder):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
