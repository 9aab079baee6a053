"""The journal: segments that are whole, hashed, and refused at the door when they would lie."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from small_run import frame

from warehouse.door import admit
from warehouse.journal import Journal


def bins(*values: float | None) -> pl.DataFrame:
    rows = [
        {"run_id": "r", "difficulty": "oracle", "question_id": f"q{i}", "value": value, "bin": 1}
        for i, value in enumerate(values)
    ]
    return frame("bins", rows)


def test_a_segment_is_named_by_time_and_the_hash_of_its_bytes(tmp_path: Path) -> None:
    name = Journal.of(tmp_path).append("bins", bins(0.5))
    assert name is not None
    file = tmp_path / "journal" / name
    stamp, _, digest = file.stem.rpartition("-")
    assert datetime.strptime(stamp, "%Y%m%dT%H%M%S.%fZ").year >= 2025
    assert digest == hashlib.sha256(file.read_bytes()).hexdigest()
    assert name == f"bins/{file.name}"


def test_no_rows_write_nothing(tmp_path: Path) -> None:
    assert Journal.of(tmp_path).append("bins", bins()) is None
    assert not (tmp_path / "journal").exists()


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path)
    name = journal.append("bins", bins(0.5, 0.25))
    assert name is not None
    segment = journal.read(name)
    assert segment is not None
    assert segment.rows.equals(bins(0.5, 0.25))
    assert segment.replaced == ()


def test_nothing_half_written_is_a_segment(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path)
    name = journal.append("bins", bins(0.5))
    assert name is not None
    file = tmp_path / "journal" / name
    (file.parent / f".{file.name}.77.partial").write_bytes(b"PAR1")
    assert journal.names() == [name]
    assert list(journal.sizes) == [name]


@pytest.mark.parametrize("place", [0, 100, -1])
def test_a_flipped_bit_sets_the_segment_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: int
) -> None:
    journal = Journal.of(tmp_path)
    name = journal.append("bins", bins(0.5))
    assert name is not None
    file = tmp_path / "journal" / name
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    assert journal.read(name) is None
    assert journal.names() == []
    assert (tmp_path / "journal" / "damaged" / name).exists()
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "set aside" in said
    assert "run the study again" in said


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_refused_with_its_column(bad: float) -> None:
    with pytest.raises(
        ValueError, match=r"bins\.value: expected finite numbers, got .* in row 1 \(1 such"
    ):
        admit("bins", bins(0.5, bad))


def test_null_is_refused_where_a_value_is_required() -> None:
    with pytest.raises(
        ValueError, match=r"bins\.bin: expected a value in every row, got NULL in 2"
    ):
        admit("bins", bins(0.5, 0.5).with_columns(bin=None))


def test_missing_and_unknown_columns_are_named() -> None:
    with pytest.raises(ValueError, match=r"missing \['value'\], unknown \['score'\]"):
        admit("bins", bins(0.5).rename({"value": "score"}))


def test_an_unknown_table_is_named_with_those_there_are() -> None:
    with pytest.raises(
        ValueError, match=r"Expected one of the tables allocations, answers, .* got 'bin'"
    ):
        admit("bin", bins(0.5))


def test_the_tables_own_checks_hold_at_the_door() -> None:
    model = pl.DataFrame(
        {
            "model_fingerprint": "f",
            "model": "m",
            "kind": "oracle",
            "parameters": 1,
            "all_parameters": 1,
            "revision": None,
            "path": "p",
            "seen_at": datetime(2026, 1, 1, tzinfo=UTC),
        },
        schema_overrides={"revision": pl.String},
    )
    said = r"model_versions: expected \(kind IN .* which 1 rows break"
    with pytest.raises(ValueError, match=said):
        admit("model_versions", model)


def test_a_time_without_zone_is_refused() -> None:
    model = pl.DataFrame(
        {
            "model_fingerprint": "f",
            "model": "m",
            "kind": "generator",
            "parameters": 1,
            "all_parameters": 1,
            "revision": None,
            "path": "p",
            "seen_at": datetime(2026, 1, 1),
        },
        schema_overrides={"revision": pl.String},
    )
    with pytest.raises(ValueError, match=r"model_versions\.seen_at: expected Datetime"):
        admit("model_versions", model)
    aware = model.with_columns(seen_at=pl.lit(datetime(2026, 1, 1, tzinfo=UTC)))
    assert admit("model_versions", aware)["seen_at"][0] == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_fraction_is_refused_where_a_whole_number_is_expected() -> None:
    with pytest.raises(ValueError, match=r"bins\.bin: expected Int32, got Float64"):
        admit("bins", bins(0.5).with_columns(bin=pl.lit(1.5)))


def test_a_number_too_large_for_its_column_is_refused() -> None:
    with pytest.raises(ValueError, match=r"bins\.bin: a value does not fit Int32"):
        admit("bins", bins(0.5).with_columns(bin=pl.lit(2**40)))


def test_columns_may_come_in_any_order_and_in_wider_types() -> None:
    shuffled = (
        bins(0.5).select(reversed(bins(0.5).columns)).with_columns(pl.col("bin").cast(pl.Int64))
    )
    assert admit("bins", shuffled).equals(bins(0.5))


def test_a_column_of_null_is_an_unknown_value_of_any_type() -> None:
    answer = pl.DataFrame(
        {
            "node_key": ["n"],
            "benchmark_fingerprint": "b",
            "question_id": "q",
            "grader": "1",
            "answer": None,
            "canonical": None,
            "class": None,
        }
    )
    assert admit("answers", answer).schema["canonical"] == pl.String
