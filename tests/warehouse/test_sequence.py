"""The agreed order: every process that reads it reads the same one, whoever wrote at once."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from small_run import frame

from warehouse.folder import Folder
from warehouse.journal import Journal
from warehouse.places import Place, appoint, place_of
from warehouse.sequence import WHOLE_EVERY, Sequence


@pytest.fixture
def place(address: str, tmp_path: Path) -> Place:
    appoint(tmp_path / "warehouse", address)
    return place_of(tmp_path / "warehouse")


def bins(bin: int) -> pl.DataFrame:
    row = {"run_id": "r", "difficulty": "oracle", "question_id": "q", "value": 0.5, "bin": bin}
    return frame("bins", [row])


def read(place: Place) -> list[str]:
    """The order as a process finds it that starts now."""
    sequence = Sequence(place)
    sequence.refresh()
    return sequence.names


def test_names_keep_their_first_places(place: Place) -> None:
    sequence = Sequence(place)
    sequence.add(["bins/b", "bins/a"])
    sequence.add(["bins/c", "bins/b"])
    assert read(place) == ["bins/b", "bins/a", "bins/c"]


def test_processes_that_note_at_once_agree(place: Place) -> None:
    def note(writer: int) -> list[str]:
        sequence = Sequence(place)
        for turn in range(6):
            sequence.add([f"bins/{writer}-{turn}", f"bins/all-{turn}"])
        return sequence.names

    with ThreadPoolExecutor(4) as pool:
        orders = list(pool.map(note, range(4)))
    final = read(place)
    assert len(final) == len(set(final)) == 4 * 6 + 6
    # What each has read is how the final order begins.
    assert all(final[: len(order)] == order for order in orders)


def test_a_group_gives_its_place_to_what_replaces_it(place: Place) -> None:
    sequence = Sequence(place)
    sequence.add(["bins/a", "draws/x", "bins/b", "bins/c"])
    assert sequence.replace(["bins/a", "bins/b"], "bins/ab")
    assert sequence.names == read(place) == ["bins/ab", "draws/x", "bins/c"]
    sequence.add(["bins/a"])
    assert read(place) == ["bins/ab", "draws/x", "bins/c"]


def test_names_that_are_no_neighbours_are_not_replaced(place: Place) -> None:
    sequence = Sequence(place)
    sequence.add(["bins/a", "bins/b", "bins/c"])
    assert not sequence.replace(["bins/a", "bins/c"], "bins/ac")
    assert not sequence.replace(["bins/b", "bins/a"], "bins/ba")
    assert not sequence.replace(["bins/c", "bins/d"], "bins/cd")
    assert read(place) == ["bins/a", "bins/b", "bins/c"]


def test_of_two_replacements_that_overlap_the_first_counts(place: Place) -> None:
    first, second = Sequence(place), Sequence(place)
    first.add(["bins/a", "bins/b", "bins/c"])
    second.refresh()
    assert first.replace(["bins/a", "bins/b"], "bins/ab")
    assert not second.replace(["bins/b", "bins/c"], "bins/bc")
    assert first.replace(["bins/ab", "bins/c"], "bins/abc")
    assert read(place) == ["bins/abc"]


def test_the_log_stays_short_and_says_the_same(place: Place) -> None:
    lagging = Sequence(place)
    lagging.add(["bins/0"])
    sequence = Sequence(place)
    for number in range(1, 4 * WHOLE_EVERY):
        sequence.add([f"bins/{number}"])
    assert len(place.sizes("sequence")) <= 2 * WHOLE_EVERY + 2
    lagging.add(["bins/late"])
    assert read(place) == lagging.names
    assert lagging.names == [*(f"bins/{number}" for number in range(4 * WHOLE_EVERY)), "bins/late"]


def test_an_entry_in_a_place_long_past_counts_for_nothing(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    sequence = Sequence(place)
    for number in range(3 * WHOLE_EVERY):
        sequence.add([f"bins/{number}"])
    # As of a process that slept since the beginning: its entry's number is free again.
    sleeper = Sequence(place)
    sleeper.add(["bins/late"])
    assert read(place) == sleeper.names
    assert sleeper.names[-1] == "bins/late"
    assert len(sleeper.names) == 3 * WHOLE_EVERY + 1


@pytest.mark.parametrize("seed", range(5))
def test_a_damaged_entry_costs_the_places_of_its_names_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    chance = random.Random(seed)
    place = Folder(tmp_path)
    sequence = Sequence(place)
    for number in range(40):
        sequence.add([f"bins/{number:02}"])
    file = tmp_path / chance.choice(sorted(place.sizes("sequence")))
    content = bytearray(file.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)
    names = read(place)
    # The whole order and the entries before it say the same: of the former none is missed.
    assert names == sorted(names)
    assert len(names) >= 39
    said = capsys.readouterr().err
    assert said.count("damaged and passed over") == said.count("\n") <= 1


def test_the_order_of_a_journal_from_before_the_log_counts_first(tmp_path: Path) -> None:
    (tmp_path / "order").write_text("bins/a\n\nbins/b\n\nbins/c.par\nbins/b\n")
    sequence = Sequence(Folder(tmp_path))
    sequence.add(["bins/d", "bins/a"])
    for number in range(2 * WHOLE_EVERY):
        sequence.add([f"draws/{number}"])
    order = [name for name in read(Folder(tmp_path)) if name.startswith("bins")]
    assert order == ["bins/a", "bins/b", "bins/c.par", "bins/d"]


class Interrupted:
    """A place whose first listing of everything is followed, at once, by what another one does."""

    def __init__(self, place: Place, other: Callable[[], object]) -> None:
        self.place = place
        self.other: Callable[[], object] | None = other

    def sizes(self, room: str = "") -> dict[str, int]:
        listed = self.place.sizes(room)
        if not room and self.other:
            other, self.other = self.other, None
            other()
        return listed

    def __getattr__(self, name: str) -> Any:
        return getattr(self.place, name)


def test_what_another_notes_after_the_listing_is_merged_in_its_place(place: Place) -> None:
    ours = Journal(place).append("bins", bins(1))
    other = Journal(place)

    def note() -> list[str]:
        return other.note(str(other.append("bins", bins(2))))

    names = Journal(Interrupted(place, note)).names()
    assert len(names) == 2
    assert names[1] == ours
    assert other.names() == names
