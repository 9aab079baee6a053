"""Segments of several tables as one object: what must be known together, or not at all.

A journal creates objects one by one. Rows of several tables become one fact by an object that holds
all of their segments: once it is there, whoever looks at the journal next takes them out of it.
"""

import io
import zipfile
from collections.abc import Mapping

ROOM = "together"
"""Where bundles lie beside the tables' segments, `<utc time>-<sha256>.zip`."""


def is_bundle(name: str) -> bool:
    """Whether an object of a journal is one."""
    return name.startswith(f"{ROOM}/") and name.endswith(".zip")


def pack(segments: Mapping[str, bytes]) -> bytes:
    """The bundle of segments by their names."""
    buffer = io.BytesIO()
    # Stored as they are: Parquet is compressed.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as bundle:
        for name, content in segments.items():
            # With no time in it: the same segments make the same bundle.
            bundle.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def unpack(content: bytes) -> dict[str, bytes]:
    """The segments of a bundle by their names."""
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}
