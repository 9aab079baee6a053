"""Cases that LiveCodeBench's authors pickled, compressed and wrote in base 64: read, never run.

Unpickling a file calls whatever it names. All that is packed here is one text, so the operations
of the pickle are looked at one by one, and none but those that spell a text is let through.
"""

from __future__ import annotations

import base64
import pickletools
import zlib

from warehouse.errors import UserError

# Room for a hundred inputs of 100,000 numbers; a stream can claim a thousand times its own length.
MOST = 256 * 2**20
"""Bytes that a text may have unpacked."""

_TEXT = frozenset({"UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"})
"""Operations that put a text down, by protocol and length."""
_AROUND = frozenset({"PROTO", "FRAME", "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "STOP"})
"""What every pickle of a text has besides: its protocol, its frame, a number never referred to."""


def unpack(packed: str, place: str, *, most: int = MOST) -> str:
    """The text that was packed.

    UserError for a pickle of anything else and for more than `most` bytes, ValueError or zlib.error
    for what is not packed so at all. `place` is where it stands, for the sentence.
    """
    content = _decompress(base64.b64decode(packed), place, most)
    texts: list[str] = []
    for operation, argument, _ in pickletools.genops(content):
        if operation.name in _TEXT:
            texts.append(str(argument))
        elif operation.name not in _AROUND:
            raise UserError(
                f"{place}: expected packed cases to be one text, got a pickle with "
                f"{operation.name}, which is not run; write the cases as a list"
            )
    if len(texts) == 1:
        return texts[0]
    raise UserError(
        f"{place}: expected packed cases to be one text, got {len(texts)}; "
        "write the cases as a list"
    )


def _decompress(content: bytes, place: str, most: int) -> bytes:
    stream = zlib.decompressobj()
    # One byte more than is allowed shows that there is more, whatever else would have come.
    plain = stream.decompress(content, most + 1)
    if len(plain) > most:
        raise UserError(
            f"{place}: expected packed cases of at most {most:,} bytes, got more; "
            "write them as a list, or leave some out"
        )
    if not stream.eof:
        raise ValueError("packed cases that end too early")
    return plain
