"""A server that answers a byte at a time, for longer than anybody should wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import create_server, socket

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{"
HEALTHY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"


@contextmanager
def dripping(*, is_healthy: bool = False) -> Iterator[str]:
    """Its address; where it counts as healthy it says so at once, and drips else."""

    def listen(listening: socket) -> None:
        with suppress(OSError):
            while True:
                line, _ = listening.accept()
                threading.Thread(target=answer, args=(line,), daemon=True).start()

    def answer(line: socket) -> None:
        with suppress(OSError), line:
            if b"/health" in line.recv(4096) and is_healthy:
                line.sendall(HEALTHY)
                return
            for byte in WHOLE + b" " * 600:
                line.sendall(bytes([byte]))
                time.sleep(0.2)

    with create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=listen, args=(listening,), daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
