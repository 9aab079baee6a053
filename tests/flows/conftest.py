"""One `ttc up` for all tests that need its servers: it takes half a minute to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from serving import Up, start, stop, wait_until_ready


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`ttc up` serving on free ports, with an empty state folder of its own."""
    up = start(tmp_path_factory.mktemp("up"))
    try:
        wait_until_ready(up)
        yield up
    finally:
        if up.process.poll() is None:
            stop(up)
