"""Fixtures: an empty warehouse, and one that holds two complete runs of a small study."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import small_run

from warehouse.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty warehouse."""
    with Store.open(tmp_path / "warehouse") as opened:
        yield opened


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A warehouse with run-a of version 1 and run-b of version 2, published; tests only read it."""
    with Store.open(tmp_path_factory.mktemp("small")) as opened:
        small_run.fill(opened, "run-a", version=1)
        small_run.fill(opened, "run-b", version=2)
        opened.publish_snapshot()
        yield opened
