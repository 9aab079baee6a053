"""A tiny checkpoint for every format of a verifier."""

from pathlib import Path

import pytest
from tiny_models import MAKERS


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the checkpoint of each format in a folder of its name; only read."""
    place = tmp_path_factory.mktemp("models")
    for verifier_format, make in MAKERS.items():
        make(place / verifier_format)
    return place
