"""The system calls that a confined program may not make, as a seccomp filter.

Namespaces hide files, processes and networks; this filter keeps a program from starting processes,
from making namespaces of its own and from memory that no limit counts. Numbers: the kernel's
`syscall_64.tbl` and `asm-generic/unistd.h`; the filter's language: `linux/filter.h`.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from typing import NamedTuple

_PR_SET_SECCOMP = 22
_MODE_FILTER = 2
_CLONE_THREAD = 0x10000
"""Set where a clone is a thread: everything else is a process."""

# Offsets of `struct seccomp_data`; the first argument's low half suffices for clone's flags.
_NUMBER = 0
_ARCHITECTURE = 4
_FIRST_ARGUMENT = 16
_LOAD = 0x20
_IF_EQUAL = 0x15
_IF_AT_LEAST = 0x35
_IF_ANY_BIT = 0x45
_RETURN = 0x06
_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_FAIL = 0x00050000
_X32 = 0x40000000
"""From here on x86-64 numbers its calls a second time, for another layout of pointers."""


class _Machine(NamedTuple):
    """What a machine calls itself to the filter, and its place in the table of numbers."""

    audit_code: int
    column: int


_MACHINES = {"x86_64": _Machine(0xC000003E, 0), "aarch64": _Machine(0xC00000B7, 1)}

# Name: number on x86_64 and on aarch64; None where the machine lacks it.
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # Processes: what cannot start one leaves none behind.
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    # Other processes, were any in reach.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    # Namespaces and mounts of its own, the way to most holes of the kernel.
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    # Parts of the kernel that no answer needs.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Memory that RLIMIT_AS does not count.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
}
_CLONE = (56, 220)
_CLONE3 = (435, 435)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def is_known_machine() -> bool:
    """Whether the numbers of this machine's calls are in the table."""
    return platform.machine() in _MACHINES


def refuse_calls(libc: ctypes.CDLL) -> None:
    """Install the filter for this process for good; a refused call fails with EPERM.

    OSError where the kernel has no seccomp. `no_new_privs` must be set before.
    """
    content = filter_for(platform.machine())
    program = _Program(len(content) // 8, content)
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {errno.errorcode.get(number, number)}")


def filter_for(machine: str) -> bytes:
    """The filter's instructions, eight bytes each; KeyError for a machine not in the table."""
    audit_code, column = _MACHINES[machine]
    refused = [numbers[column] for numbers in _REFUSED.values()]
    steps = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_IF_EQUAL, audit_code, skip_if=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        _step(_IF_AT_LEAST, _X32, skip_else=1),
        _step(_RETURN, _FAIL | errno.EPERM),
    ]
    for number in refused:
        if number is not None:
            steps += _fail_at(number, errno.EPERM)
    # As if it were not there: the C library then starts threads by clone, whose flags can be read.
    steps += _fail_at(_CLONE3[column], errno.ENOSYS)
    steps += [
        _step(_IF_EQUAL, _CLONE[column], skip_else=3),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_IF_ANY_BIT, _CLONE_THREAD, skip_if=1),
        _step(_RETURN, _FAIL | errno.EPERM),
        _step(_RETURN, _ALLOW),
    ]
    return b"".join(steps)


def _fail_at(number: int, error: int) -> list[bytes]:
    return [_step(_IF_EQUAL, number, skip_else=1), _step(_RETURN, _FAIL | error)]


def _step(code: int, value: int, *, skip_if: int = 0, skip_else: int = 0) -> bytes:
    return struct.pack("HBBI", code, skip_if, skip_else, value)
