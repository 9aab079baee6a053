"""Repeated nights: what levels the comparisons with one champion have, and who is measured anew."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_runs import ScriptedEngines, run_all, small_study

from tasks.runs.events import note
from tasks.statistics.comparisons import SIGNIFICANCE
from tasks.study.tables import Gate
from tasks.versions.again import champion_again
from tasks.versions.champion import champion_of, compare_with_champion
from tasks.versions.reigns import Challenge, Reign, challenge_of, reign_of, significance_of
from tasks.versions.version import measurements_of, study_of, version_of
from warehouse.snapshot import Snapshot
from warehouse.store import Store

HALF, WHOLE = "bundled/congruences-generator-half", "bundled/congruences-generator"
START = datetime(2026, 1, 1, tzinfo=UTC)


def test_levels_fall_and_never_sum_to_more_than_the_significance() -> None:
    levels = np.array([significance_of(place) for place in range(1, 20_001)])
    assert (np.diff(levels) < 0).all()
    # What is left of Σ k^−1.5 beyond K is about 2 / √K of it.
    assert 0.98 * SIGNIFICANCE < levels.sum() < SIGNIFICANCE
    with pytest.raises(ValueError, match="a place from 1, got 0"):
        significance_of(0)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def test_what_made_a_version_champion_counts_until_it_is_measured_again() -> None:
    chosen = Reign(since=at(1), is_first=False)
    lucky = [(at(0), "lucky")]
    assert chosen.reference(lucky) == ["lucky"] and chosen.is_due(lucky, every=7)
    both = [*lucky, (at(2), "fresh")]
    assert chosen.reference(both) == ["fresh"] and not chosen.is_due(both, every=7)


def test_the_first_version_was_not_chosen_and_keeps_all_it_was_measured_by() -> None:
    first = Reign(since=at(1), is_first=True)
    both = [(at(0), "first"), (at(2), "second")]
    assert first.reference(both) == ["first", "second"]
    assert not first.is_due(both[:1], every=7)


@given(st.integers(0, 40), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_a_champion_is_due_once_after_every_so_many_comparisons(
    compared: int, every: int, measured: int, is_first: bool
) -> None:
    challenges = [Challenge("nights", str(one), 0) for one in range(compared)]
    reign = Reign(at(0), is_first=is_first, compared=challenges)
    nights = [(at(1 + one), one) for one in range(measured)]
    assert reign.is_due(nights, every=every) == (compared >= every * measured)
    assert not reign.is_due(nights, every=0)


class Confused(ScriptedEngines):
    """A model that guesses: its chance of a right line is one in seven."""

    def _law(self, prefix: tuple[int, ...], rng: Any) -> str:
        written = super()._law(prefix, rng)
        return f"{rng.randrange(7)}\n" if written.endswith("\n") else written


def study(model: str, **changes: object) -> Any:
    gate = {"gate": Gate(again=1)}
    return small_study(generator={"models": [model]}, questions=20, **(gate | changes))


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sequence[str]]:
    """A good version and then one that guesses, both compared."""
    folder = tmp_path_factory.mktemp("nights")
    good = run_all(folder, study(WHOLE))
    compare_with_champion(folder, good)
    bad = run_all(folder, study(HALF), engines=Confused)
    compare_with_champion(folder, bad)
    return folder, (good, bad)


def test_a_comparison_has_its_place_again_and_other_draws_have_the_next(
    nights: tuple[Path, Sequence[str]],
) -> None:
    folder, (_, bad) = nights
    store = Snapshot(folder)
    version = version_of(store, bad)
    own = challenge_of(store, version)
    reign = reign_of(store, version)
    assert reign.compared == [own] and reign.is_first
    assert reign.place_of(own) == 1
    assert reign.place_of(own._replace(replicate=1)) == 2
    words = "SELECT why FROM standings WHERE version = 2"
    assert "comparison 1 with this champion, which was measured 1×" in store.read(words).item()


def test_the_champion_is_measured_again_on_draws_that_nobody_saw(
    nights: tuple[Path, Sequence[str]], tmp_path: Path
) -> None:
    from shutil import copytree

    folder = copytree(nights[0], tmp_path / "warehouse")
    good, bad = nights[1]
    tonight = study(HALF)
    again = champion_again(folder, tonight, bad)
    assert again is not None
    asked, model = again
    assert (model, asked.replicate) == (WHOLE, 1)
    assert dataclasses.replace(asked, replicate=0) == study_of(Snapshot(folder), good)
    # Measured by this test's own engines: due no more, and both measurements count.
    fresh = run_all(folder, asked)
    assert champion_again(folder, tonight, bad) is None
    store = Snapshot(folder)
    measured = measurements_of(store, version_of(store, fresh))
    assert [one.run_id for _, one in measured] == [good, fresh]
    compare_with_champion(folder, bad)
    words = "SELECT why FROM standings WHERE version = 2"
    said = Snapshot(folder).read(words).item()
    assert "comparison 1 with this champion, which was measured 2×" in said


def test_a_run_on_the_same_draws_takes_the_place_of_the_one_before(
    nights: tuple[Path, Sequence[str]], tmp_path: Path
) -> None:
    from shutil import copytree

    folder = copytree(nights[0], tmp_path / "warehouse")
    replayed = run_all(folder, study(WHOLE))
    other = run_all(folder, study(WHOLE, difficulty_draws=4, replicate=3))
    store = Snapshot(folder)
    measured = [one.run_id for _, one in measurements_of(store, version_of(store, replayed))]
    assert measured == [replayed] and other not in measured


def test_nothing_is_measured_again_for_the_champion_itself_nor_where_nobody_wants_it(
    nights: tuple[Path, Sequence[str]],
) -> None:
    folder, (good, bad) = nights
    assert champion_again(folder, study(WHOLE), good) is None
    assert champion_again(folder, study(HALF, gate=Gate(again=0)), bad) is None


def test_who_was_promoted_or_brought_back_begins_a_reign_of_its_own(
    nights: tuple[Path, Sequence[str]], tmp_path: Path
) -> None:
    from shutil import copytree

    folder = copytree(nights[0], tmp_path / "warehouse")
    _, bad = nights[1]
    with Store.open(folder) as store:
        version = version_of(store, bad)
        note(store, bad, "promoted", "by hand")
        reign = reign_of(store, version)
        assert reign.compared == [] and not reign.is_first
        note(store, bad, "rolled_back", "by hand")
        after = reign_of(store, version)
        assert after.since is not None and reign.since is not None and after.since > reign.since
        champion = champion_of(store, version)
    assert champion is not None and champion["version"] == 1
