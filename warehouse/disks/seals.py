"""Small files that say whether they are whole: the SHA-256 of their JSON, a line, the JSON."""

import hashlib
import json
from typing import Any


def seal(said: Any) -> bytes:
    """The bytes of a file that says this."""
    body = json.dumps(said).encode()
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def is_sealed(content: bytes) -> bool:
    """Whether these are bytes that `seal` gave."""
    digest, _, body = content.partition(b"\n")
    return digest == hashlib.sha256(body).hexdigest().encode()


def unseal(content: bytes) -> Any:
    """What the file says; raises ValueError where a bit of it has changed."""
    if not is_sealed(content):
        raise ValueError("its content is not what was written (the hash differs)")
    return json.loads(content.partition(b"\n")[2])
