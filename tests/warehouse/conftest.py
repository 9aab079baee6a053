"""Fixtures: an empty warehouse, and one that holds two complete runs of a small study."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_run
from object_store import make_bucket, serve_s3

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
        written = opened.read("SELECT count(*) FROM run_events").item()
        yield opened
        assert opened.read("SELECT count(*) FROM run_events").item() == written


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    """The environment that leads to an S3 server of this session."""
    with serve_s3() as environment:
        yield environment


@pytest.fixture(params=["folder", "s3"])
def address(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty journal: a folder's path, then a bucket's URL."""
    if request.param == "folder":
        return str(tmp_path / "shared" / "journal")
    return f"{bucket_of(request, monkeypatch)}/team/nightly"


@pytest.fixture
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty bucket."""
    return bucket_of(request, monkeypatch)


def bucket_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket, the environment set so that it is found."""
    for name, value in request.getfixturevalue("s3").items():
        monkeypatch.setenv(name, value)
    return make_bucket(f"bucket-{uuid.uuid4().hex}")
