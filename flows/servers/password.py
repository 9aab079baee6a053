"""The password of our own Prefect server: drawn once, for its owner alone to read.

Whoever may talk to that server may run programs wherever its worker runs.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from warehouse.errors import UserError

SERVER = "PREFECT_SERVER_API_AUTH_STRING"
CLIENT = "PREFECT_API_AUTH_STRING"
"""What Prefect's server and its clients call it."""
_BYTES = 24


def path_of(home: Path) -> Path:
    """The file under the state folder; its line is what Prefect's page asks for."""
    return home / "prefect" / "password"


def password(home: Path) -> str:
    """`ttc:…`, drawn when there is none yet.

    UserError where others may read it, or it is none.
    """
    path = path_of(home)
    if not path.exists():
        _draw(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise UserError(
            f"password: expected {path} to be its owner's alone (mode 600), got "
            f"{stat.filemode(path.stat().st_mode)}; remove it, the next start draws another"
        )
    text = path.read_text(encoding="utf-8").strip()
    if not text.partition(":")[2]:
        raise UserError(
            f"password: expected a line `name:password` in {path}, got none; "
            "remove it, the next start draws another"
        )
    return text


def _draw(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The server's database is in it, which says what runs.
    path.parent.chmod(0o700)
    partial = path.with_name(f"password.{os.getpid()}")
    # Never readable, not even for a moment: so it is opened with its mode, and not changed to it.
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"ttc:{secrets.token_urlsafe(_BYTES)}\n")
    # A link and no rename: of two that draw at once the first stays, and both read it.
    with contextlib.suppress(FileExistsError):
        os.link(partial, path)
    partial.unlink()
