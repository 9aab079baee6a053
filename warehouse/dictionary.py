"""The data dictionary, written from the schema: `python -m warehouse.dictionary` renews the README.

A column is described by the comment beside it in its migration or in the head of its view's file; a
column that means the same everywhere is described once, in WORDS.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import duckdb

from warehouse.schema import (
    LARGE_MIGRATIONS,
    MIGRATIONS,
    VIEWS,
    attach_empty_large,
    create_views,
    migrate,
    tables,
)

README = Path(__file__).parent / "README.md"
START = "<!-- dictionary: written by python -m warehouse.dictionary -->"
END = "<!-- end of the dictionary -->"
"""Marks in the README: what stands between them is written, the rest by hand."""

WORDS = {
    "accuracy": "expected share of correct answers",
    "aggregate": "how step scores become the completion's score: last, min, prod or mean",
    "answer": "the answer as written; NULL: no answer",
    "answer_tokens": "of the tokens generated, what follows thinking; NULL: its format knows none",
    "applied_at": "when it was applied",
    "benchmark": "name of the benchmark",
    "benchmark_fingerprint": "hash of the benchmark's content",
    "bin": "difficulty bin: 1 easiest … 5 hardest",
    "budget": "generations allowed on one question",
    "canonical": "canonical form of the answer, the class in a vote; NULL: no answer",
    "completed_at": "when it last said that it is complete",
    "code_commit": "commit of the code that ran",
    "difficulty": "'oracle' (from pass@1), 'predicted' (from verifier scores), 'probe' (from a few "
    "draws) or 'frozen' (oracle of the family's first run)",
    "baseline": "the strategy compared with",
    "drawn_at": "when it was drawn",
    "failed_at": "when it failed",
    "generated_tokens": "tokens generated",
    "hi": "upper end of accuracy's 95 % interval",
    "kind": "'generator' or 'verifier'",
    "lo": "lower end of accuracy's 95 % interval",
    "max_tokens": "token limit of a completion",
    "model": "name of the model in the study",
    "model_fingerprint": "hash of the model version's weights, tokenizer and prompt template",
    "name": "file name",
    "node_key": "hash of the token ids up to this point",
    "number": "number in the file's name",
    "opened_at": "when the run was opened",
    "paid_by": "the run that paid for the draw",
    "path": "folder the weights were read from",
    "prompt_tokens": "prompt tokens, as if it ran alone",
    "question": "text of the question",
    "question_id": "the question, unique within its benchmark",
    "questions": "questions in the cell",
    "reason": "what went wrong",
    "replicate": "number of the independent repetition that the draw belongs to",
    "role": "what it was drawn for: proposer, difficulty, lookahead, revision or exchange (the "
    "larger model)",
    "run_id": "the run",
    "sampling_key": "hash of the sampling parameters",
    "score": "the verifier's opinion, in [0, 1]",
    "scored_at": "when it was scored",
    "seed": "seed of the run",
    "step_scores": "scores at the ends of its own steps, in order; a missing score is NULL; NULL "
    "list: no verifier",
    "stop": "why it ended: end (of text), step (end of one), limit (of tokens)",
    "strategy": "readable key of the strategy, e.g. 'beam_search(m=4)/weighted'",
    "target": "the reference answer",
    "temperature": "sampling temperature",
    "thinking_tokens": "of the tokens generated, thinking; NULL: its format knows none",
    "token_ids": "token ids of the draw",
    "top_k": "tokens kept by top-k sampling; 0: all",
    "top_p": "probability mass kept by nucleus sampling",
    "verdict": "correct, wrong, or the grader's word for why it is neither",
    "version": "number of the model version within its family and benchmark, from 1",
    "verifier": "name of the verifier in the study; NULL: none",
    "verifier_fingerprint": "hash of the verifier's weights, tokenizer and template",
    "verifier_tokens": "tokens the verifier read, as if it ran alone",
}


# The migrations are formatted by hand, and always the same: a column a line, four spaces in, its
# meaning in a comment at the end. What is written otherwise is missed, and then refused.
_CREATED = re.compile(
    r"^CREATE TABLE (\w+) \( *-- grain: (.*?)\n(.*?)^\);", re.MULTILINE | re.DOTALL
)
_ADDED = re.compile(r"^ALTER TABLE (\w+) ADD COLUMN (\w+) [^\n]*?-- ([^\n]+)", re.MULTILINE)
_COLUMN = re.compile(r'^    "?([a-z_]+)"? [^\n]*?-- ([^\n]+)', re.MULTILINE)
# In the head of a view: `name: meaning`, which may go on over several lines.
_NAMED = re.compile(r"^(\w+): (.*?)(?=\n\w+: |\Z)", re.MULTILINE | re.DOTALL)


class Entry(NamedTuple):
    """A table, view or macro: what its own file says of it.

    `about` is the question that a view answers; a table has none.
    """

    name: str
    about: str
    grain: str
    columns: Mapping[str, str]


def table_entries(folder: Path = MIGRATIONS) -> dict[str, Entry]:
    """What the migrations' comments say of each table."""
    files = [*sorted(folder.glob("*.sql")), *sorted((folder / LARGE_MIGRATIONS.name).glob("*.sql"))]
    sql = "\n".join(file.read_text() for file in files)
    # A later migration may create a table anew: its last comments count, at its first place.
    entries = {
        name: Entry(name, "", grain, _commented_columns(body))
        for name, grain, body in _CREATED.findall(sql)
    }
    for table, column, meaning in _ADDED.findall(sql):
        entry = entries[table]
        entries[table] = entry._replace(columns={**entry.columns, column: meaning})
    return entries


def _commented_columns(body: str) -> dict[str, str]:
    """Column → meaning; one without a comment is not in it."""
    return dict(_COLUMN.findall(body))


def view_entries(folder: Path = VIEWS) -> dict[str, Entry]:
    """What the heads of the views' files say; ValueError for a file without question and grain."""
    return {file.stem: _head(file) for file in sorted(folder.glob("*.sql"))}


def _head(file: Path) -> Entry:
    lines = file.read_text().splitlines()
    head = [line[3:] for line in lines if line.startswith("-- ")]
    if len(head) < 2 or "?" not in head[0] or not head[1].startswith("grain: "):
        raise ValueError(
            f"{file.name}: expected '-- <question>?' and '-- grain: …' as its first two lines."
        )
    named = _NAMED.findall("\n".join(head[2:]))
    columns = {name: " ".join(text.split()) for name, text in named}
    return Entry(file.stem, head[0], head[1].removeprefix("grain: "), columns)


def dictionary() -> str:
    """The dictionary as Markdown; ValueError for a column that nothing describes."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        migrate(connection)
        attach_empty_large(connection)
        create_views(connection)
        facts = [_table_section(connection, entry) for entry in _tables(connection)]
        views: list[str] = []
        macros: list[str] = []
        # Files of both lie in one folder; only DuckDB knows which is which.
        for name, entry in view_entries().items():
            if _is_view(connection, name):
                views.append(_section(connection, entry))
            else:
                macros.append(_macro_section(connection, entry))
    return "\n\n".join(["## Tables", *facts, "## Views", *views, "## Macros", *macros])


def _tables(connection: duckdb.DuckDBPyConnection) -> list[Entry]:
    """Entries of all tables in the order of the migrations."""
    entries = table_entries()
    # Made by `warehouse.schema.migrate` before the first migration, so no file says it.
    entries["migrations"] = Entry("migrations", "", "one migration that this database has had", {})
    rows = connection.sql("SELECT table_name FROM duckdb_tables()").fetchall()
    names = {str(name) for (name,) in rows}
    missing = names - set(entries)
    if missing:
        raise ValueError(
            f"Expected 'CREATE TABLE name (  -- grain: …' in the migrations for {sorted(missing)}."
        )
    # A table that a migration dropped is still in the files.
    return [entry for name, entry in entries.items() if name in names]


def _is_view(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    views = connection.sql("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    return (name,) in views


def _table_section(connection: duckdb.DuckDBPyConnection, entry: Entry) -> str:
    shape = tables().get(entry.name)
    columns = connection.sql(f'DESCRIBE "{entry.name}"').fetchall()
    grain = f"Grain: {entry.grain}."
    key = shape.key if shape else _key(connection, entry.name)
    if key:
        grain += f" Key: {', '.join(f'`{column}`' for column in key)}."
    if shape and shape.large:
        grain += " Large: what readers see of it may lag."
    return f"### {entry.name}\n{grain}\n\n{_columns(entry, columns)}"


def _section(connection: duckdb.DuckDBPyConnection, entry: Entry) -> str:
    columns = connection.sql(f'DESCRIBE "{entry.name}"').fetchall()
    about = f"{entry.about}\n\nGrain: {entry.grain}."
    return f"### {entry.name}\n{about}\n\n{_columns(entry, columns)}"


def _key(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    sql = (
        "SELECT constraint_column_names FROM duckdb_constraints() "
        "WHERE table_name = $table AND constraint_type = 'PRIMARY KEY'"
    )
    rows = connection.sql(sql, params={"table": table}).fetchall()
    return rows[0][0] if rows else []


def _columns(entry: Entry, columns: list[tuple[str, ...]]) -> str:
    lines = [
        f"| `{name}` | {_type(kind)} | {_meaning(entry, name)} |" for name, kind, *_ in columns
    ]
    return "\n".join(["| column | type | meaning |", "| --- | --- | --- |", *lines])


def _meaning(entry: Entry, column: str) -> str:
    meaning = entry.columns.get(column) or WORDS.get(column) or _meaning_elsewhere(column)
    if meaning is None:
        raise ValueError(
            f"{entry.name}.{column}: expected a comment in its SQL file, or an entry in WORDS."
        )
    # A bar would end the cell of the Markdown table.
    return meaning.replace("|", "\\|")


def _meaning_elsewhere(column: str) -> str | None:
    """What the first table with such a column says of it: a view mostly hands columns through."""
    for entry in table_entries().values():
        if column in entry.columns:
            return entry.columns[column]
    return None


def _type(kind: str) -> str:
    return {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}.get(kind, kind)


def _macro_section(connection: duckdb.DuckDBPyConnection, entry: Entry) -> str:
    sql = "SELECT parameters, function_type FROM duckdb_functions() WHERE function_name = $name"
    parameters, kind = connection.sql(sql, params={"name": entry.name}).fetchall()[0]
    title = f"### {entry.name}({', '.join(parameters)})\n{entry.about}"
    if kind == "macro":
        return f"{title}\n\nGives {entry.grain}."
    # Its columns are asked of it called with nothing: they depend on no value.
    nothing = ", ".join(["NULL"] * len(parameters))
    columns = connection.sql(f"DESCRIBE FROM {entry.name}({nothing})").fetchall()
    return f"{title}\n\nA table; grain: {entry.grain}.\n\n{_columns(entry, columns)}"


def renew(readme: str) -> str:
    """The README with its dictionary up to date; ValueError when the marks around it are gone."""
    before, start, rest = readme.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"{README.name}: expected the lines {START!r} and {END!r}.")
    return f"{before}{START}\n{dictionary()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(renew(README.read_text()))
