"""The data dictionary says what the schema says, and its queries run."""

import re
from pathlib import Path

import pytest

from warehouse import snapshot
from warehouse.dictionary import README, dictionary, renew, view_entries
from warehouse.store import Store

QUERIES = re.findall(r"^([^\n]+)\n```sql\n(.*?)```", README.read_text(), re.MULTILINE | re.DOTALL)


def test_the_dictionary_is_up_to_date() -> None:
    assert README.read_text() == renew(README.read_text()), "run `python -m warehouse.dictionary`"


def test_every_table_view_and_column_is_in_the_dictionary(small: Store) -> None:
    sections = {part.split("\n")[0].split("(")[0]: part for part in dictionary().split("### ")}
    columns = small.read(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'warehouse'"
    )
    assert columns.height > 150
    absent = [(t, c) for t, c in columns.rows() if f"| `{c}` |" not in sections.get(t, "")]
    assert absent == []
    assert set(view_entries()) <= set(sections)


def test_there_are_ten_queries() -> None:
    assert len(QUERIES) == 10


@pytest.mark.parametrize(("question", "sql"), QUERIES, ids=[question for question, _ in QUERIES])
def test_a_query_of_the_readme_has_an_answer(small: Store, question: str, sql: str) -> None:
    assert question.rstrip(")").endswith(("?", "."))
    assert snapshot.query(small.folder, sql).height > 0


def test_a_view_without_question_and_grain_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bare.sql").write_text("CREATE VIEW bare AS SELECT 1 AS x;")
    with pytest.raises(ValueError, match=r"bare\.sql: expected"):
        view_entries(tmp_path)
