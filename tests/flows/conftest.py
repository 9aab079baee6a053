"""One `ttc up` for all tests that need its servers: it takes half a minute to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from serving import Up, up_in


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`ttc up` serving on free ports, with an empty state folder of its own."""
    with up_in(tmp_path_factory.mktemp("up")) as up:
        yield up
