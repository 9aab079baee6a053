"""`ttc run` on two files of one name: two benchmarks everywhere, real engine, real MLflow store."""

import csv
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from serving import TTC

from tasks.benchmarks.bundled import questions
from tasks.settings import ROOT

pytestmark = pytest.mark.slow

STUDY = """
budgets = [1, 2, 4]
strategies = ["majority"]
baseline = "majority"
difficulty_draws = 8
columns = { question = "Frage", answer = "Loesung", id = "nr" }
benchmark = ["first/test.csv", "second/test.csv", "copy.csv"]
generator = { max_tokens = 128 }
"""

Ttc = Callable[..., subprocess.CompletedProcess[str]]


def write(path: Path, split: str) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["nr", "Frage", "Loesung"])
        for question in questions(split, 12):  # pyright: ignore[reportArgumentType]
            writer.writerow([question.question_id, question.text, question.target])


@pytest.fixture(scope="module")
def ttc(tmp_path_factory: pytest.TempPathFactory) -> Ttc:
    """Runs `ttc`; the study of three files, two contents, has been evaluated."""
    home = tmp_path_factory.mktemp("several")
    write(home / "first" / "test.csv", "test")
    write(home / "second" / "test.csv", "validation")
    write(home / "copy.csv", "test")
    study = home / "bob's.toml"
    study.write_text(STUDY, encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "TTC_"))}
    environment |= {"TTC_HOME": str(home / "state")}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*TTC, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )

    done = run("run", str(study), "--gate")
    assert done.returncode == 0, done.stderr
    run.home = home / "state"  # pyright: ignore[reportFunctionMemberAccess]
    run.study = str(study)  # pyright: ignore[reportFunctionMemberAccess]
    return run


def ask(ttc: Ttc, sql: str) -> list[dict[str, object]]:
    return json.loads(ttc("sql", sql, "--json").stdout)


def test_each_file_is_a_run_and_each_content_a_benchmark(ttc: Ttc) -> None:
    rows = ask(ttc, "SELECT benchmark, count(*) AS runs FROM complete_runs GROUP BY ALL ORDER BY 1")
    first, second = rows
    # The copy asks what the first file asks.
    assert (first["benchmark"], first["runs"]) == ("test", 2)
    assert str(second["benchmark"]).startswith("test (") and second["runs"] == 1
    champions = ask(ttc, "SELECT benchmark, version FROM champions ORDER BY benchmark")
    assert [row["version"] for row in champions] == [1, 1]


def test_a_copy_of_a_file_draws_nothing_anew(ttc: Ttc) -> None:
    spent = ask(ttc, "SELECT generated_tokens AS n FROM run_history ORDER BY opened_at")
    assert [row["n"] == 0 for row in spent] == [False, False, True]


def test_each_benchmark_has_its_experiment_policy_and_trend(ttc: Ttc) -> None:
    uri = f"sqlite:///{ttc.home}/mlflow/mlflow.db"  # pyright: ignore[reportFunctionMemberAccess]
    client = MlflowClient(uri, uri)
    names = {row["benchmark"] for row in ask(ttc, "SELECT DISTINCT benchmark FROM complete_runs")}
    experiments = [one for one in client.search_experiments() if one.name in names]
    assert len(experiments) == len(client.search_registered_models()) == 2
    for experiment in experiments:
        runs = client.search_runs([experiment.experiment_id])
        assert sum("ttc.trend" in run.data.tags for run in runs) == 1


def test_a_plan_has_a_row_a_run(ttc: Ttc) -> None:
    study = ttc.study  # pyright: ignore[reportFunctionMemberAccess]
    rows = json.loads(ttc("plan", study, "--json").stdout)
    assert [row["benchmark"] for row in rows] == ["test", "test", "copy"]
    assert "answers of copy: math" in ttc("plan", study).stdout
