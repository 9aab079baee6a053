"""Answers and verdicts of several versions of a grader, side by side: each run has its own."""

from pathlib import Path

import duckdb
import polars as pl
import pytest
from small_draws import Rows
from small_run import fill, frame, rows_of

from tasks.grading.code.grader import CodeGrader
from warehouse.journal import Journal
from warehouse.schema import migrate, migrations, tables
from warehouse.store import Store

BEFORE = "1+math-verify-0.9.0"
SECOND, TENTH = "2+mathematics", "10+mathematics"


def runs_of(grader: str) -> Rows:
    """The small run as it was opened under this version."""
    rows = rows_of(f"run-{grader}", version=1)["runs"]
    return [row | {"grader": grader} for row in rows]


def readings_of(grader: str, *, verdict: str) -> dict[str, Rows]:
    """All answers of the small run as one class, with one verdict."""
    mine = rows_of("run", version=1)
    answers = [row | {"grader": grader, "canonical": grader} for row in mine["answers"]]
    questions = sorted({row["question_id"] for row in answers})
    place = {"benchmark_fingerprint": "bench-1", "grader": grader, "canonical": grader}
    grades = [place | {"question_id": question, "verdict": verdict} for question in questions]
    return {"answers": answers, "grades": grades}


def fill_regraded(store: Store, grader: str, *, verdict: str) -> str:
    """A run over the draws of `run-a`, judged by another version; its id."""
    run = f"run-{grader}"
    owed = rows_of(run, version=1)["run_questions"]
    store.append("runs", frame("runs", runs_of(grader)))
    store.append("run_questions", frame("run_questions", owed))
    for table, rows in readings_of(grader, verdict=verdict).items():
        store.append(table, frame(table, rows))
    return run


@pytest.fixture
def store(tmp_path: Path):
    with Store.open(tmp_path) as store:
        fill(store, "run-a")
        yield store


def test_a_run_shows_the_verdicts_of_its_own_grader(store: Store) -> None:
    tenth = fill_regraded(store, TENTH, verdict="wrong")
    second = fill_regraded(store, SECOND, verdict="correct")
    for run, verdict in ((tenth, "wrong"), (second, "correct")):
        # As text "10+" comes before "2+": no order of versions decides.
        for view in ("verdicts", "verdict_counts", "question_draws"):
            sql = (
                f"SELECT DISTINCT verdict FROM {view} WHERE run_id = $run AND verdict NOT IN $rest"
            )
            rest = ["not read", "no answer"]
            assert store.read(sql, run=run, rest=rest)["verdict"].to_list() == [verdict], view
        sql = "SELECT DISTINCT verdict FROM completions_of($run, 'q0') WHERE verdict IS NOT NULL"
        assert store.read(sql, run=run)["verdict"].to_list() == [verdict]


def test_another_version_multiplies_no_draw_of_a_run(store: Store) -> None:
    views = ("question_draws", "verdict_counts", "verdicts")
    sql = "SELECT * FROM {} WHERE run_id = 'run-a' ORDER BY ALL"
    before = [store.read(sql.format(view)) for view in views]
    fill_regraded(store, TENTH, verdict="wrong")
    assert all(
        store.read(sql.format(view)).equals(frame)
        for view, frame in zip(views, before, strict=True)
    )


def test_what_another_version_reads_stands_beside_what_was_read(store: Store) -> None:
    before = store.read("SELECT count(*) FROM answers").item()
    fill_regraded(store, SECOND, verdict="correct")
    assert store.read("SELECT count(*) FROM answers").item() == 2 * before


def database_from_before(folder: Path) -> None:
    """A warehouse of migration 10, whose answers name no grader, with one answer of one run.

    Of draws and answers only what is in the journal too is kept: their tables are filled anew.
    """
    old = folder / "old"
    old.mkdir()
    for step in migrations():
        if step.number < 11:
            (old / step.name).write_text(step.sql)
    run = {name: value for name, value in runs_of(BEFORE)[0].items() if name != "grader"}
    runs = pl.DataFrame([run])
    answer = rows_of("run", version=1)["answers"][:1]
    segment = Journal.of(folder).write("answers", frame("answers", answer).drop("grader", "class"))
    with duckdb.connect(folder / "warehouse.duckdb") as connection:
        migrate(connection, old)
        connection.register("runs_before", runs)
        connection.execute("INSERT INTO runs BY NAME FROM runs_before")
        connection.execute("INSERT INTO answers VALUES ('node', 'bench-1', 'q1', '4', '4')")
        connection.execute("INSERT INTO segments VALUES (?, 'answers', 1, now())", [segment])


def test_answers_from_before_have_the_grader_that_there_was(tmp_path: Path) -> None:
    database_from_before(tmp_path)
    with Store.open(tmp_path) as store:
        assert store.read("SELECT grader FROM answers").rows() == [(BEFORE,)]
        assert store.read("SELECT grader FROM runs")["grader"].to_list() == [BEFORE]


def test_segments_from_before_have_it_too(tmp_path: Path) -> None:
    for table, rows in (
        ("answers", rows_of("run", version=1)["answers"]),
        ("runs", runs_of(BEFORE)),
    ):
        Journal.of(tmp_path).write(table, frame(table, rows).drop("grader"))
    with Store.open(tmp_path) as store:
        assert store.damaged == []
        for table in ("answers", "runs"):
            assert store.read(f"SELECT DISTINCT grader FROM {table}").rows() == [(BEFORE,)]


def test_only_what_a_migration_names_is_filled_in() -> None:
    named = {name: table.defaults for name, table in tables().items() if table.defaults}
    assert named == {"answers": {"grader": BEFORE}, "runs": {"grader": BEFORE}}


@pytest.mark.parametrize(
    ("grader", "gives_up", "judges"),
    [
        (
            CodeGrader.version,
            ["untestable"],
            ["unparsed", "crashed", "timeout", "memory", "output"],
        ),
        ("2+math-verify-0.9.0", ["unparsed", "crashed", "timeout", "memory"], []),
        ("1+command-0123456789ab", ["crashed", "timeout"], []),
    ],
)
def test_a_program_that_crashes_is_judged_and_an_answer_that_crashes_its_grader_is_not(
    store: Store, grader: str, gives_up: list[str], judges: list[str]
) -> None:
    # 2 × 40 draws and the beam's one completion, all of one class a question.
    wanted = dict.fromkeys(gives_up, 81) | dict.fromkeys(["correct", "wrong", *judges], 0)
    for verdict, ungraded in wanted.items():
        run = fill_regraded(store, f"{verdict}-{grader}", verdict=verdict)
        sql = "SELECT ungraded FROM trouble WHERE run_id = $run"
        assert store.read(sql, run=run).item() == ungraded, verdict
