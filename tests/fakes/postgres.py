"""A PostgreSQL of a test's own: a new cluster in a folder of its own, on loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from serving import free_port


@dataclass(frozen=True, slots=True)
class Postgres:
    """Where a cluster listens, and what its programs see to be its superuser there."""

    port: str
    environment: dict[str, str]

    def psql(self, *words: str, **more: str) -> str:
        """What psql prints; CalledProcessError when it fails."""
        done = subprocess.run(
            ["psql", "--no-psqlrc", *words],
            env=self.environment | more,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout


def binaries() -> Path | None:
    """Folder with initdb and pg_ctl; None where no PostgreSQL is installed.

    Debian keeps them out of PATH, one folder a version.
    """
    in_path = shutil.which("initdb")
    if in_path:
        return Path(in_path).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


@contextmanager
def cluster(programs: Path) -> Iterator[Postgres]:
    """A cluster that answers with passwords only; gone afterwards with its folder."""
    # Not below a folder of root's own, which the user that PostgreSQL runs as could not enter.
    folder = Path(tempfile.mkdtemp(prefix="postgres", dir="/tmp"))
    port = free_port()
    secret = folder / "password"
    secret.write_text("super")
    # PostgreSQL refuses to run as root: whom Debian's package makes for it is at hand then.
    user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    shutil.chown(folder, user)
    shutil.chown(secret, user)
    data = str(folder / "data")

    def run(program: str, *words: str) -> None:
        subprocess.run(
            [programs / program, "--pgdata", data, *words],
            user=user if os.getuid() == 0 else None,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=60,
        )

    try:
        run("initdb", "--auth=scram-sha-256", "--username=super", f"--pwfile={secret}", "--no-sync")
        # Loopback alone, its socket in its own folder, and no disk waited for.
        options = f"-p {port} -k {folder} -h 127.0.0.1 -c fsync=off"
        run("pg_ctl", "start", "--wait", "--log", str(folder / "log"), "--options", options)
        yield Postgres(port, _superuser(port))
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            run("pg_ctl", "stop", "--mode", "immediate")
        shutil.rmtree(folder)


def _superuser(port: str) -> dict[str, str]:
    address = {"PGHOST": "127.0.0.1", "PGPORT": port}
    who = {"PGUSER": "super", "PGPASSWORD": "super", "PGDATABASE": "postgres"}
    return os.environ | address | who
