"""Keeps the words of engine processes off the terminal."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any, TextIO


@contextlib.contextmanager
def noise_in(path: Path) -> Generator[None]:
    """File descriptors 1 and 2 go to a file; Python's own stdout and stderr stay where they were.

    vLLM's processes inherit the descriptors, so what they print is kept for those who look for
    it and not mixed into tables. `TTC_LOGS=1` leaves everything on the terminal.
    """
    if os.environ.get("TTC_LOGS"):
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as undo:
        log = undo.enter_context(path.open("ab"))
        for name, descriptor in (("stdout", 1), ("stderr", 2)):
            undo.enter_context(_redirect(name, descriptor, log.fileno()))
        yield


@contextlib.contextmanager
def _redirect(name: str, descriptor: int, target: int) -> Generator[None]:
    """The descriptor goes to `target`; the stream of this name stays where it was."""
    stream = getattr(sys, name)
    stream.flush()
    saved = os.dup(descriptor)
    # Line by line, as a terminal expects of a progress line.
    with os.fdopen(saved, "w", buffering=1) as kept:
        os.dup2(target, descriptor)
        if _writes_to(stream, descriptor):
            setattr(sys, name, kept)
        try:
            yield
        finally:
            # What is still in a buffer belongs to where it was written to.
            getattr(sys, name).flush()
            setattr(sys, name, stream)
            os.dup2(saved, descriptor)


def _writes_to(stream: TextIO, descriptor: int) -> bool:
    """Whether a stream is the descriptor's own; a test's captured one is not."""
    try:
        return stream.fileno() == descriptor
    except (OSError, ValueError, AttributeError):
        return False


@functools.cache
def log_here() -> None:
    """What vLLM says in this process goes where descriptor 1 goes, and to no handler of others.

    An engine's process logs as vLLM has it. Here that would end the handlers that are there: it
    flushes each while it holds the lock of logging, and Prefect's then waits for a thread that
    logs, so that both wait for ever.
    """
    # Here: whoever has a server of his own has no vLLM.
    configuring: Any = importlib.import_module("vllm.logger")
    with contextlib.suppress(ModuleNotFoundError):
        # As if that were done. Versions without this module do it when they are imported.
        config = importlib.import_module("vllm.config.logging").LoggingConfig()
        configuring._last_configured_logging_config = config
    logger = logging.getLogger("vllm")
    logger.setLevel(configuring.envs.VLLM_LOGGING_LEVEL)
    logger.addHandler(logging.StreamHandler(sys.__stdout__))
    logger.propagate = False
