"""The journal: what is known, as Parquet segments that any process on any machine may write.

A segment is `journal/<table>/<utc time>-<sha256 of its bytes>.parquet`. It appears whole or not at
all, is never changed, and is never read without comparing its bytes with the hash in its name.
"""

import hashlib
import io
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from warehouse.door import admit

STALE_SECONDS = 24 * 3600.0
"""Age at which a half-written file has no writer any more, on whichever machine that was."""


class Journal:
    """The segments below `<folder>/journal` of a warehouse's folder; made when first written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder) / "journal"

    def append(self, table: str, rows: pl.DataFrame) -> Path | None:
        """The new segment's path, on disk for good when this returns; None for no rows.

        Raises ValueError for rows that the table does not admit (see `warehouse.door`).
        """
        return self.write(table, admit(table, rows))

    def write(self, table: str, rows: pl.DataFrame) -> Path | None:
        """As `append`, for rows that have come through the door already."""
        if rows.is_empty():
            return None
        buffer = io.BytesIO()
        rows.write_parquet(buffer, compression="zstd", compression_level=3)
        content = buffer.getvalue()
        home = self.folder / table
        if not home.is_dir():
            home.mkdir(parents=True, exist_ok=True)
            # A new folder is on disk only once those that list it are.
            sync_folder(self.folder)
            sync_folder(self.folder.parent)
        # The time first: where the loader's own order is lost, names still sort by it.
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        path = home / f"{stamp}-{hashlib.sha256(content).hexdigest()}.parquet"
        write_whole(path, content)
        return path

    def segments(self, table: str | None = None) -> list[Path]:
        """Paths of all segments, or of one table's, in the order in which a rebuild merges them.

        That is the order noted by the loader, then, for those it has not seen yet, that of their
        names.
        """
        homes = [self.folder / table] if table else self._homes()
        noted = {name: place for place, name in enumerate(self.order())}
        paths = [path for home in homes for path in home.glob("*.parquet")]
        last = len(noted)
        return sorted(paths, key=lambda path: (noted.get(self.name(path), last), path.name))

    def _homes(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        homes = [home for home in sorted(self.folder.iterdir()) if home.is_dir()]
        return [home for home in homes if home.name != "damaged"]

    def name(self, path: Path) -> str:
        """The segment's name in the order and in the `segments` table: '<table>/<file name>'."""
        return f"{path.parent.name}/{path.name}"

    def read(self, path: Path) -> pl.DataFrame | None:
        """The segment's rows; None when it is damaged: then it has been set aside and reported."""
        content = self._whole(path)
        return None if content is None else pl.read_parquet(io.BytesIO(content))

    def verify(self, path: Path) -> bool:
        """Whether the segment is whole; one that is not is set aside and reported."""
        return self._whole(path) is not None

    def _whole(self, path: Path) -> bytes | None:
        """The segment's bytes; None when they are not those that were written."""
        # Read once: the bytes that are hashed are those that are parsed, whatever the disk does.
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == path.stem.rsplit("-", 1)[-1]:
            return content
        reason = "its content is not what was written (the hash differs from the one in its name)"
        self.set_aside(path, reason)
        return None

    def set_aside(self, path: Path, reason: str) -> Path:
        """Where the segment now lies, in `journal/damaged/`; a line on stderr says what to do."""
        place = self.folder / "damaged" / path.parent.name / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
        print(
            f"warehouse: segment {self.name(path)} set aside in {place.parent}: {reason}. "
            "Its rows are missing: restore the file from a copy into the journal, "
            "or run the study again to draw them anew.",
            file=sys.stderr,
        )
        return place

    def order(self) -> list[str]:
        """Names of segments in the order in which the loader first merged them."""
        file = self.folder / "order"
        names = file.read_text(errors="replace").split() if file.exists() else []
        # A rebuild notes every name again: the first place counts.
        return list(dict.fromkeys(names))

    def note(self, names: list[str]) -> None:
        """Remembers the order in which segments are merged; the loader alone calls this, before.

        Where two segments hold different rows of one key, the first merged wins; a rebuild must
        find the same winner.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "order").open("a") as file:
            # The empty line in front keeps a line that a kill has torn apart from these.
            file.write("\n" + "".join(f"{name}\n" for name in names))
            file.flush()
            os.fsync(file.fileno())

    def sweep(self) -> None:
        """Removes what writers that were killed a day ago or longer left half written."""
        oldest = time.time() - STALE_SECONDS
        for home in self._homes():
            for file in home.glob(".*.partial"):
                if file.stat().st_mtime < oldest:
                    file.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """The file appears under its name with all its content on disk, or not at all."""
    # A rename within a folder is atomic; the process's number keeps writers of one name apart.
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """What a folder lists is on disk when this returns; a file's own fsync leaves its name out."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
