"""No test of a folder writes into the user's state."""

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """An empty state folder."""
    place = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("TTC_HOME", str(place))
    return place
