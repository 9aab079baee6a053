"""What systemd is told (sd_notify(3)), so that what it starts after `ttc up` may count on it."""

from __future__ import annotations

import os
import socket


def notify_ready() -> None:
    """Say READY to the service manager that asked for it; nothing where none did."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    # An @ stands for the zero byte with which abstract names begin.
    place = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(b"READY=1", place)
