"""Tables as Parquet: whole, of every type, in a folder of their own."""

from pathlib import Path

import polars as pl
import pytest

from warehouse.errors import UserError
from warehouse.schema import tables
from warehouse.store import Store


def test_every_table_is_a_parquet_file_with_all_of_its_rows(small: Store, tmp_path: Path) -> None:
    written = small.export(tmp_path / "out" / "export")
    assert set(written) == set(tables())
    assert written["draws"] > 0
    for table, shape in tables().items():
        rows = pl.read_parquet(tmp_path / "out" / "export" / f"{table}.parquet")
        assert rows.height == written[table]
        key = list(shape.key)
        wanted = small.read(f'FROM "{table}"').sort(key)
        assert rows.cast(dict(wanted.schema)).sort(key).equals(wanted), table
    assert not list((tmp_path / "out" / "export").glob(".*"))


def test_a_folder_that_has_something_in_it_is_left_alone(small: Store, tmp_path: Path) -> None:
    (tmp_path / "draws.parquet").write_text("mine")
    for place in (tmp_path, tmp_path / "draws.parquet"):
        with pytest.raises(UserError, match=r"Expected a new or an empty folder .* name another"):
            small.export(place)
    assert (tmp_path / "draws.parquet").read_text() == "mine"
