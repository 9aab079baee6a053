"""Settings: what the environment names is where things are."""

from pathlib import Path

import pytest

from tasks.settings import settings
from warehouse.errors import UserError
from warehouse.journal import Journal
from warehouse.places import place_of


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TTC_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TTC_JOURNAL", raising=False)
    return tmp_path / "home"


def test_the_journal_is_in_the_state_folder_unless_it_is_named(home: Path) -> None:
    assert place_of(settings().warehouse).address == str(home / "warehouse" / "journal")
    assert not home.exists()


def test_a_named_journal_is_that_of_the_warehouse_from_then_on(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTC_JOURNAL", "s3://bucket/prefix")
    assert place_of(settings().warehouse).address == "s3://bucket/prefix"
    monkeypatch.delenv("TTC_JOURNAL")
    assert Journal.of(settings().warehouse).place.address == "s3://bucket/prefix"
    assert (home / "warehouse" / "journal.url").exists()


def test_another_journal_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTC_JOURNAL", "s3://bucket/prefix")
    assert settings().warehouse == home / "warehouse"
    monkeypatch.setenv("TTC_JOURNAL", "s3://bucket/other")
    with pytest.raises(UserError, match=r"but it is s3://bucket/prefix: leave TTC_JOURNAL out"):
        _ = settings().warehouse
