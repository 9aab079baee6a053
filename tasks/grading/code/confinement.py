"""Confining this process: namespaces, a root of its own, limits, no rights.

Runs in a process that was made for it and imports nothing but the standard library. Order matters:
mounts need rights, and rights are given up before anything foreign is read. Sources: the manual
pages namespaces(7), pivot_root(2), mount_setattr(2), getrlimit(2) and user_namespaces(7).
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tasks.grading.code.refused_calls import refuse_calls

SCRATCH = "/scratch"
"""The one folder of a confined program in which it may write; it is empty, and its working one."""

_NEW_MOUNTS = 0x00020000
_NEW_UTS = 0x04000000
_NEW_IPC = 0x08000000
_NEW_USER = 0x10000000
_NEW_PIDS = 0x20000000
_NEW_NETWORK = 0x40000000
_NAMESPACES = _NEW_MOUNTS | _NEW_UTS | _NEW_IPC | _NEW_PIDS | _NEW_NETWORK
_NO_SUID = 2
_NO_DEVICES = 4
_BIND = 4096
_WITH_MOUNTS_BELOW = 16384
_SLAVE = 1 << 19
_DETACH = 2
_MOUNT_SETATTR, _PIVOT_ROOT = {"x86_64": (442, 155), "aarch64": (442, 41)}.get(
    os.uname().machine, (0, 0)
)
_AT_RECURSIVE = 0x8000
_READ_ONLY = 1
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_PDEATHSIG = 1
_CAPABILITY_VERSION = 0x20080522
_USERS = 30_000
"""The highest users of a machine, which belong to nobody: programs at work get one each, because
the kernel counts threads by user."""
_DEVICES = ("null", "zero", "random", "urandom")
_SYSTEM = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache")


class Allowance(NamedTuple):
    """What one confined process may use."""

    seconds: int
    """Of CPU, over all its threads."""
    memory_mb: int
    """Of address space."""
    scratch_mb: int
    """Of files in the scratch folder, which lie in memory too."""
    threads: int
    files: int
    """Open at a time."""


class Refused(Exception):
    """The kernel does not let this process confine itself; the text says at which step."""


class _Kernel:
    """Calls of the C library that Python has no name for; OSError where one fails."""

    def __init__(self) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)

    def call(self, step: str, name: str, *arguments: object) -> None:
        """Make the call; Refused names the step."""
        self.check(step, getattr(self.libc, name)(*arguments))

    def check(self, step: str, result: int) -> None:
        """Refused, naming the step, where a call's result says that it failed."""
        if result:
            reason = os.strerror(ctypes.get_errno())
            raise Refused(f"{step}: {reason}")

    def mount(self, source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
        """Mount `source` on `target`."""
        texts = [text.encode() if text else None for text in (source, target, kind, data)]
        self.call(f"mount {target}", "mount", *texts[:3], ctypes.c_ulong(flags), texts[3])

    def set_read_only(self, target: str, *, below: bool, devices: bool = False) -> None:
        """Make a mount read-only, those below it too if asked, and take its privileges away."""
        attributes = _READ_ONLY | _NO_SUID | (0 if devices else _NO_DEVICES)
        wanted = struct.pack("QQQQ", attributes, 0, 0, 0)
        flags = _AT_RECURSIVE if below else 0
        result = self.libc.syscall(
            _MOUNT_SETATTR, -100, target.encode(), flags, wanted, ctypes.c_size_t(len(wanted))
        )
        self.check(f"read-only {target}", result)


def leave_namespaces(visible: Sequence[str]) -> None:
    """Move this process to namespaces of its own, in a root that shows `visible` read-only.

    The next process that it starts is the first of a process namespace: with it all others end.
    Refused where the kernel forbids a step.
    """
    kernel = _Kernel()
    if os.geteuid() == 0:
        kernel.call("namespaces", "unshare", _NAMESPACES)
    else:
        user = os.geteuid()
        group = os.getegid()
        kernel.call("user namespace", "unshare", _NEW_USER | _NAMESPACES)
        # Itself only: no other user exists in there.
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _build_root(kernel, visible)


def _build_root(kernel: _Kernel, visible: Sequence[str]) -> None:
    """A root in memory with what is visible, in the place of the former one."""
    # Without this, what is mounted here would show outside.
    kernel.mount("", "/", None, _SLAVE | _WITH_MOUNTS_BELOW)
    kernel.mount("root", "/tmp", "tmpfs", _NO_SUID | _NO_DEVICES, "size=1m,mode=755")
    for folder in ("/tmp/new", "/tmp/old"):
        Path(folder).mkdir()
    kernel.mount("/tmp/new", "/tmp/new", None, _BIND)
    # Before the pivot: links of the former root lead nowhere after it.
    sources = {path: os.path.realpath(path) for path in visible}
    # The former root stays in reach under /old: what is needed may itself lie below its /tmp.
    _pivot(kernel, "/tmp", "/tmp/old")
    os.chdir("/")
    for path in _SYSTEM:
        _show(kernel, path, path)
    for path, source in sources.items():
        _show(kernel, source, path)
    for device in _DEVICES:
        _show(kernel, f"/dev/{device}", f"/dev/{device}", devices=True)
    Path(f"/new{SCRATCH}").mkdir()
    os.chdir("/new")
    _pivot(kernel, ".", ".")
    kernel.call("leave the former root", "umount2", b".", _DETACH)
    os.chdir("/")


def _pivot(kernel: _Kernel, new: str, old: str) -> None:
    result = kernel.libc.syscall(_PIVOT_ROOT, new.encode(), old.encode())
    kernel.check("pivot_root", result)


def _show(kernel: _Kernel, path: str, place: str, *, devices: bool = False) -> None:
    """Bind a path of the former root at a place of the new one, read-only, unless it is there."""
    source = Path(f"/old{path}")
    target = Path(f"/new{place}")
    is_there = target.exists() or target.is_symlink()
    if is_there or not os.path.lexists(source):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # On most systems /lib is a link into /usr.
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    if source.is_dir():
        target.mkdir()
    else:
        target.touch()
    kernel.mount(str(source), str(target), None, _BIND | _WITH_MOUNTS_BELOW)
    kernel.set_read_only(str(target), below=True, devices=devices)


def open_scratch(megabytes: int) -> None:
    """Mount an empty scratch folder, make it the working one, and all else read-only."""
    kernel = _Kernel()
    options = f"size={megabytes}m,nr_inodes=10000,mode=1777"
    kernel.mount("scratch", SCRATCH, "tmpfs", _NO_SUID | _NO_DEVICES, options)
    kernel.set_read_only("/", below=False)
    os.chdir(SCRATCH)


def give_up_rights(user: int) -> None:
    """Become that user for good, without a capability, nor any by way of another program."""
    kernel = _Kernel()
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    header = struct.pack("Ii", _CAPABILITY_VERSION, 0)
    kernel.call("capabilities", "capset", header, bytes(24))
    kernel.call("no_new_privs", "prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def unused_user() -> int:
    """A user that no other process is; of one who is not root, himself.

    Refused where the machine, a container perhaps, has too few users.
    """
    if os.geteuid():
        return os.geteuid()
    first, _, count = map(int, Path("/proc/self/uid_map").read_text().split()[:3])
    if count <= 2 * _USERS:
        raise Refused(f"users: expected more than {2 * _USERS} in /proc/self/uid_map, got {count}")
    # The very last number means "none" to some calls.
    return first + count - 2 - os.getpid() % _USERS


def die_with_parent() -> None:
    """Have the kernel end this process when the thread that started it ends."""
    _Kernel().call("parent's death", "prctl", _PR_SET_PDEATHSIG, 9, 0, 0, 0)


def limit(allowance: Allowance) -> None:
    """Bind this process to what it may use; the last step before it reads anything foreign."""
    mebi = 1 << 20
    # A second more for the hard limit: at the soft one the kernel says why, by SIGXCPU.
    seconds = allowance.seconds
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    ends = {
        resource.RLIMIT_AS: allowance.memory_mb * mebi,
        resource.RLIMIT_STACK: 64 * mebi,
        resource.RLIMIT_FSIZE: allowance.scratch_mb * mebi,
        resource.RLIMIT_NOFILE: allowance.files,
        resource.RLIMIT_NPROC: allowance.threads,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: 64,
    }
    for kind, most in ends.items():
        resource.setrlimit(kind, (most, most))
    try:
        refuse_calls(_Kernel().libc)
    except OSError as error:
        raise Refused(str(error)) from error
