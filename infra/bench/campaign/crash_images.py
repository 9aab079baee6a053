"""Builds the disks that a machine which stops could leave behind, and goes on from each.

    PYTHONPATH=. python infra/bench/campaign/crash_images.py [--n 12] [--seed 0] [--seconds 600]

A run is recorded once: every write, sync, rename, link and removal below its state folder. A disk
is made of the calls up to some moment: what was synced is there; of what was not, each write may be
there, be lost, or be there in part, and of the changes to a folder's names since it was synced the
last ones may be lost. Each disk must open, without a word of damage where the journal is meant,
have every row of which an append had returned, and, every fourth, lead to the tables of the run
that went on. Needs a C compiler.
"""

from __future__ import annotations

import functools
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import homes
from trials import ROOT, Campaign, ask, conduct, environment

from warehouse.errors import UserError
from warehouse.store import Store

ACKNOWLEDGED = "acknowledged"
"""File in the state folder to which the recorded run writes the names of segments appended."""
PROGRAM = """
import os, sys
from pathlib import Path
home = Path(sys.argv[1])
home.mkdir()
import homes
from warehouse.journal import Journal
plain = Journal.write
said = os.open(home / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def write(self, table, rows):
    name = plain(self, table, rows)
    if name:
        os.write(said, f"{name}\\n".encode())
    return name
Journal.write = write
homes.run(home)
"""
BLOCK = 4096
"""Bytes that a disk writes whole."""


class Call(NamedTuple):
    """One call that was recorded."""

    kind: str
    inode: int
    offset: int
    path: str
    other: str
    data: bytes


@dataclass(eq=False)
class File:
    """A file's bytes on the disk, and what was written to it since it was synced."""

    synced: bytearray = field(default_factory=bytearray)
    pending: list[Call] = field(default_factory=list)


class Disk:
    """What is on a disk for sure, and what may be, after some calls."""

    def __init__(self) -> None:
        self.now: dict[str, File] = {}
        self.names: dict[str, File] = {}
        """As folders had them when they were synced."""
        self.changes: dict[str, list[tuple[str, File | None]]] = {}
        """Of each folder's names since: a name's file, or None where it was removed."""
        self._inodes: dict[int, File] = {}

    def apply(self, call: Call) -> None:
        """One more call."""
        if call.kind == "c":
            # Where another file bears the name, somebody removed that one unseen.
            if call.path not in self.now or self._inodes.get(call.inode) != self.now[call.path]:
                self._inodes[call.inode] = File()
                self._name(call.path, self._inodes[call.inode])
        elif call.kind in "wt":
            if file := self._inodes.get(call.inode):
                file.pending.append(call)
        elif call.kind == "s":
            self._sync(call)
        elif call.kind == "u":
            self._name(call.path, None)
        elif file := self.now.get(call.path):
            self._name(call.other, file)
            if call.kind == "r":
                self._name(call.path, None)

    def _name(self, path: str, file: File | None) -> None:
        if file is None:
            self.now.pop(path, None)
        else:
            self.now[path] = file
        self.changes.setdefault(path.rpartition("/")[0], []).append((path, file))

    def _sync(self, call: Call) -> None:
        if (file := self._inodes.get(call.inode)) and call.path in self.now:
            for one in file.pending:
                write(file.synced, one)
            file.pending.clear()
            return
        for path, changed in self.changes.pop(call.path, []):
            set_name(self.names, path, changed)

    def image(self, rng: random.Random) -> dict[str, bytes]:
        """Bytes by path: one of the disks that a stop at this moment could leave."""
        names = dict(self.names)
        for changes in self.changes.values():
            # Folders keep the order of their changes.
            for path, file in changes[: rng.randint(0, len(changes))]:
                set_name(names, path, file)
        luck = rng.choice([0.0, 0.5, 0.9, 1.0])
        return {path: bytes(left_of(file, rng, luck)) for path, file in names.items()}


def set_name(names: dict[str, File], path: str, file: File | None) -> None:
    """A name's file is another one now, or the name is gone."""
    if file is None:
        names.pop(path, None)
    else:
        names[path] = file


def write(content: bytearray, call: Call, data: bytes | None = None) -> None:
    """A write or a cut, done to the bytes."""
    if call.kind == "t":
        del content[call.offset :]
        content.extend(bytes(call.offset - len(content)))
        return
    data = call.data if data is None else data
    content.extend(bytes(max(0, call.offset - len(content))))
    content[call.offset : call.offset + len(data)] = data


def left_of(file: File, rng: random.Random, luck: float) -> bytearray:
    """A file's bytes, each un-synced write there with some chance, or there in part."""
    content = bytearray(file.synced)
    for call in file.pending:
        if rng.random() < luck:
            write(content, call)
        elif rng.random() < 0.3 and len(call.data) > BLOCK:
            blocks = rng.randrange(1, len(call.data) // BLOCK + 1)
            write(content, call, call.data[: blocks * BLOCK])
    return content


def read_log(path: Path) -> list[Call]:
    """All calls, in their order."""
    calls: list[Call] = []
    content = path.read_bytes()
    at = 0
    while at < len(content):
        end = content.index(b"\n", at)
        kind, *numbers = content[at:end].decode().split()
        inode, offset, size, first, second = map(int, numbers)
        at = end + 1
        name, other = content[at : at + first], content[at + first : at + first + second]
        at += first + second
        calls.append(
            Call(kind, inode, offset, name.decode(), other.decode(), content[at : at + size])
        )
        at += size
    return calls


class Recording:
    """The calls of one run, and the state folder that it left."""

    def __init__(self, campaign: Campaign) -> None:
        self.folder = campaign.folder
        self.home = self.folder / "recorded"
        shim = self.folder / "record.so"
        source = Path(__file__).with_name("disk_record.c")
        build = ["cc", "-shared", "-fPIC", "-O1", "-o", str(shim), str(source), "-ldl"]
        subprocess.run(build, check=True)
        log = self.folder / "log"
        program = [sys.executable, "-c", PROGRAM, str(self.home)]
        named = {"LD_PRELOAD": str(shim), "RECORD_ROOT": str(self.home), "RECORD_LOG": str(log)}
        here = environment(self.home, **named)
        here["PYTHONPATH"] += f":{Path(__file__).parent}"
        subprocess.run(program, cwd=ROOT, env=here, check=True, capture_output=True)
        self.calls = read_log(log)

    def image(self, at: int, target: Path, rng: random.Random) -> list[str]:
        """Makes a disk as it could be after so many calls; the segments acknowledged by then."""
        disk = Disk()
        for call in self.calls[:at]:
            disk.apply(call)
        said = disk.now.get(str(self.home / ACKNOWLEDGED))
        written = b"".join(call.data for call in said.pending) if said else b""
        for name, content in disk.image(rng).items():
            path = target / Path(name).relative_to(self.home)
            if path.name != ACKNOWLEDGED:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        return written.decode().split()

    def segments(self, names: list[str], target: Path) -> None:
        """Writes the segments as they were made, wherever they went since."""
        made = {call.other: call.path for call in self.calls if call.kind == "l"}
        whole: dict[str, bytearray] = {}
        for call in self.calls:
            if call.kind == "w" and "/journal/" in call.path:
                write(whole.setdefault(call.path, bytearray()), call)
        for name in names:
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(whole[made[str(self.home / "warehouse" / "journal" / name)]])


def open_image(home: Path, seen: Path) -> dict[str, int]:
    """Opens a disk and counts rows lost and doubled; again where it says "run again"."""
    try:
        with Store.open(home / "warehouse") as store:
            store.publish_snapshot(whole=True)
    except UserError:
        with Store.open(home / "warehouse") as store:
            store.publish_snapshot(whole=True)
    return homes.lost_and_doubled(home, seen)


def try_image(campaign: Campaign, recording: Recording, good: Path) -> None:
    """One disk, opened, looked at, and now and then gone on with."""
    home, seen = campaign.folder / "image", campaign.folder / "seen"
    for folder in (home, seen):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    at = campaign.rng.randint(1, len(recording.calls))
    names = recording.image(at, home, campaign.rng)
    wanted = [name for name in names if name.partition("/")[0] in homes.KEYS]
    recording.segments(wanted, seen)
    campaign.note(at=at, acknowledged=len(names))
    campaign.counts["segments acknowledged"] += len(names)
    try:
        counted = ask(functools.partial(open_image, home, seen), campaign.folder)
    except RuntimeError as error:
        campaign.fault("tracebacks", f"image at call {at}: {error}")
        return
    for kind, number in counted.items():
        if number:
            campaign.fault(kind, f"rows of the image at call {at}", number)
    if campaign.counts["tried"] % 4 == 0:
        campaign.counts["gone on with"] += 1
        homes.finish(campaign, home, good, seen, rebuild=False)


def crash(campaign: Campaign) -> None:
    """Disks at moments drawn by chance."""
    good = homes.warm(campaign.folder)
    recording = Recording(campaign)
    campaign.counts["calls recorded"] = len(recording.calls)
    for _ in campaign.tries():
        try_image(campaign, recording, good)


def main(argv: list[str] | None = None) -> int:
    """Exit code: 1 when a disk did not open, a row was lost, or a table differs."""
    return conduct(argv, __doc__, crash, n=12)


if __name__ == "__main__":
    sys.exit(main())
