"""What a file holds, unpacked; what cannot be a benchmark is refused by what it is."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from warehouse.errors import UserError

MOST = 8 * 2**30
"""Bytes that a file may have unpacked: a stream can claim a thousand times its own length."""
WANTED = "JSON Lines, a JSON array, CSV, TSV or Parquet, plain or compressed"
_MARK = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8."""

_FOREIGN = {
    b"\xff\xfe": "a text in UTF-16",
    b"\xfe\xff": "a text in UTF-16",
    b"\xd0\xcf\x11\xe0": "an Office document",
    b"SQLite format 3\0": "an SQLite database",
    b"ARROW1": "an Arrow file",
    b"7z\xbc\xaf": "a 7-Zip file",
    b"\x80\x02": "a Python pickle",
    b"\x80\x03": "a Python pickle",
    b"\x80\x04": "a Python pickle",
    b"\x80\x05": "a Python pickle",
    b"%PDF": "a PDF",
    b"<": "a web page or XML",
}
"""What files begin with that are not read."""
_POINTER = b"version https://git-lfs"


def _open_zstd(file: IO[bytes]) -> Any:
    return pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd")


_Opener = Callable[[Any], Any]
"""From a file of bytes to what is read, closed and opened as one, unpacked."""
_PACKED: dict[bytes, _Opener] = {
    b"\x1f\x8b": gzip.open,
    b"\x28\xb5\x2f\xfd": _open_zstd,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
"""How what is compressed is read, by its first bytes."""
# An OSError of pyarrow's and gzip's own is one of the content, not of the disk.
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowInvalid)


def read_content(path: Path) -> bytes:
    """The bytes of a file, decompressed and without byte order mark.

    UserError, by name, for what holds no rows: archives, spreadsheets, texts in UTF-16, …
    """
    content = path.read_bytes()
    opener = next((_PACKED[begun] for begun in _PACKED if content.startswith(begun)), None)
    if opener is not None:
        content = _unpack(path, content, opener)
    content = content.removeprefix(_MARK)
    _refuse_foreign(path, content)
    return content


def decode(path: Path, content: bytes) -> str:
    """The text; UserError names the first line that is not UTF-8."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        wrong = content[error.start]
        raise UserError(
            f"{path}:{line}: expected a text in UTF-8, got the byte 0x{wrong:02x}; "
            f"write the file in UTF-8, e.g. iconv -f WINDOWS-1252 -t UTF-8 {path.name}"
        ) from error


def _unpack(path: Path, content: bytes, opener: _Opener) -> bytes:
    try:
        with opener(io.BytesIO(content)) as stream:
            # One byte more than is allowed shows that there is more, whatever else would come.
            plain = stream.read(MOST + 1)
    except _BROKEN as error:
        raise UserError(
            f"{path}: expected a whole compressed file, got a broken one ({error}); fetch it again"
        ) from error
    if len(plain) > MOST:
        raise UserError(
            f"{path}: expected at most {MOST:,} bytes unpacked, got more; leave some out"
        )
    return plain


def _refuse_foreign(path: Path, content: bytes) -> None:
    begun = content.lstrip()[:600]
    if begun.startswith(_POINTER):
        raise UserError(
            f"{path}: expected {WANTED}, got a pointer of Git LFS in place of the file; "
            "fetch it with git lfs pull"
        )
    named = [what for beginning, what in _FOREIGN.items() if begun.startswith(beginning)]
    if begun.startswith(b"PK\x03\x04"):
        named.append(_archive(content))
    # Of a tar the first bytes are a name.
    if begun[257:262] == b"ustar":
        named.append("a tar archive")
    if _has_wide_characters(begun):
        named.append("a text in UTF-16")
    if named:
        raise UserError(f"{path}: expected {WANTED}, got {named[0]}; write it as one of these")


def _archive(content: bytes) -> str:
    """A zip file, or what it is that is written as one."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return "a broken zip file"
    is_spreadsheet = any(name.startswith("xl/") for name in names)
    return "a spreadsheet (xlsx)" if is_spreadsheet else "a zip file"


def _has_wide_characters(begun: bytes) -> bool:
    """Whether every other byte is zero, as in UTF-16 without a byte order mark."""
    sample = begun[:64]
    if len(sample) < 4 or sample.startswith(b"PAR1"):
        return False
    halves = (sample[0::2], sample[1::2])
    return any(half.count(0) > 0.7 * len(half) for half in halves)
