"""A team's servers on a real PostgreSQL, as the units start them: a night, a backup, a restore."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from mlflow import MlflowClient
from postgres import Postgres, binaries, cluster
from serving import free_port
from summaries import summary_of
from team import DEPLOY, read_environment, running, unit, write_environment
from tracks import track_of

from tasks.settings import ROOT
from tasks.study.study import study_from
from tasks.tracking.runs import mirror, publish
from warehouse import snapshot

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        binaries() is None, reason="no PostgreSQL on this machine (apt-get install postgresql)"
    ),
]

SMALL = study_from(
    {
        "name": "small",
        "questions": 12,
        "budgets": [1, 2, 4],
        "difficulty_draws": 4,
        "generator": {"max_tokens": 128},
    }
)
END_STATES = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
SECONDS = 400


@dataclass(frozen=True, slots=True)
class Team:
    """The team's database, its environment files, state and addresses."""

    postgres: Postgres
    folder: Path

    @property
    def etc(self) -> Path:
        return self.folder / "etc"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def worker(self) -> dict[str, str]:
        return read_environment(self.etc / "worker.env")

    def prefect(self) -> httpx.Client:
        user, password = self.worker["PREFECT_API_AUTH_STRING"].split(":")
        return httpx.Client(
            base_url=self.worker["PREFECT_API_URL"], auth=(user, password), timeout=30
        )

    def run(self, script: str, folder: Path) -> None:
        places = {"TTC_ETC": str(self.etc), "TTC_STATE": str(self.state), "TTC_VENV": sys.prefix}
        subprocess.run([DEPLOY / script, folder], env=os.environ | places, check=True, timeout=120)

    def start(self, name: str, instance: str = "") -> contextlib.AbstractContextManager[object]:
        log = self.folder / f"{name}.log"
        return running(unit(name, instance=instance, state=self.state), self.etc, log)

    def count(self, database: str, table: str) -> int:
        query = f"SELECT count(*) FROM {table}"
        return int(self.postgres.psql("--tuples-only", "--dbname", database, "--command", query))


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A database with the roles of databases.sql, and environment files that name it."""
    programs = binaries()
    assert programs is not None
    folder = tmp_path_factory.mktemp("team")
    for name in ("etc", "state/mlflow", "state/worker-0", "journal"):
        (folder / name).mkdir(parents=True)
    with cluster(programs) as postgres:
        for _ in range(2):  # the second changes nothing
            postgres.psql("--file", str(DEPLOY / "databases.sql"), TTC_DATABASE_PASSWORD="secret")
        write_environment(
            folder / "etc",
            **{":5432/": f":{postgres.port}/", "ADDRESS": "127.0.0.1"},
            **_ports("4200", "5000"),
            **{"DATABASE_PASSWORD": "secret", "PREFECT_PASSWORD": "word"},
            **{"/var/lib/ttc": str(folder / "state"), "/srv/ttc": str(folder)},
        )
        yield Team(postgres, folder)


def _ports(*documented: str) -> dict[str, str]:
    return {port: free_port() for port in documented}


@pytest.fixture(scope="module")
def served(team: Team) -> Iterator[Team]:
    """Both servers answer, and a worker has registered the deployments."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(team.start("ttc-prefect.service"))
        stack.enter_context(team.start("ttc-mlflow.service"))
        _wait(lambda: _answers(team.worker["PREFECT_API_URL"] + "/health"))
        _wait(lambda: _answers(team.worker["MLFLOW_TRACKING_URI"] + "/health"))
        stack.enter_context(team.start("ttc-worker@.service", "0"))
        _wait(lambda: "prefect_api" in _text(team.state / "worker-0" / "up.json"))
        yield team


@pytest.fixture(scope="module")
def night(served: Team) -> str:
    """Flow run id of a small nightly that a worker of the team has run."""
    prefect = served.prefect()
    deployment = prefect.get("/deployments/name/nightly/nightly").raise_for_status().json()
    wanted = {"parameters": {"study": json.loads(SMALL.to_json())}, "state": {"type": "SCHEDULED"}}
    path = f"/deployments/{deployment['id']}/create_flow_run"
    run = prefect.post(path, json=wanted).raise_for_status().json()["id"]
    _wait(lambda: _state(prefect, run) in END_STATES)
    assert _state(prefect, run) == "COMPLETED"
    return str(run)


def test_without_the_password_the_server_answers_nothing_but_its_health(served: Team) -> None:
    api = served.worker["PREFECT_API_URL"]
    assert httpx.get(api + "/health").status_code == 200
    assert httpx.post(api + "/flows/filter", json={}).status_code == 401


def test_the_worker_stands_in_the_pool_by_the_name_of_machine_and_gpu(served: Team) -> None:
    workers = served.prefect().post("/work_pools/ttc/workers/filter", json={}).json()
    assert [worker["name"] for worker in workers] == ["here-0"]


def test_a_night_ends_in_both_databases(served: Team, night: str) -> None:
    (run,) = snapshot.query(
        served.state / "worker-0" / "warehouse", "SELECT * FROM run_history"
    ).to_dicts()
    assert (run["state"], run["prefect_run"]) == ("published", night)
    assert served.count("prefect", f"flow_run WHERE id = '{night}'") == 1
    assert served.count("mlflow", f"runs WHERE run_uuid = '{run['mlflow_run']}'") == 1
    assert served.count("mlflow", "model_versions") == 1
    # Its files went through the server into the folder of the unit.
    assert list((served.state / "mlflow").rglob("report.html"))


@pytest.mark.parametrize("name", ["m" * 300, "é" * 300, "🎲" * 130, "bob's \\ %"])
def test_names_that_sqlite_takes_are_published_on_postgresql_too(
    served: Team, tmp_path: Path, name: str
) -> None:
    named = dict.fromkeys(("benchmark", "family", "study", "model"), name)
    summary = summary_of()
    run = summary.run | named
    uri = served.worker["MLFLOW_TRACKING_URI"]
    published = publish(summary._replace(run=run), uri=uri, outbox=tmp_path)
    assert published is not None
    assert mirror(track_of(run, benchmark=name, family=name, study=name), uri=uri)
    client = MlflowClient(uri)
    assert client.get_run(published.mlflow_run_id).info.status == "FINISHED"
    assert set(client.get_registered_model(published.model_name).aliases) == {"champion"}


def test_a_restore_brings_back_what_a_backup_kept(served: Team, night: str, tmp_path: Path) -> None:
    tables = [("prefect", "flow_run"), ("mlflow", "metrics"), ("mlflow", "model_versions")]
    before = [served.count(*table) for table in tables]
    files = _files(served.state / "mlflow")
    assert any(name.endswith("report.html") for name in files)
    served.run("backup", tmp_path / "backup")
    secret = [*(tmp_path / "backup").glob("*.*"), *(tmp_path / "backup" / "etc").iterdir()]
    assert len(secret) == 6
    assert {path.name for path in secret if path.stat().st_mode & 0o77} == set()
    owner = ("--dbname", "prefect", "--command")
    served.postgres.psql(*owner, f"DELETE FROM flow_run WHERE id = '{night}'")
    served.postgres.psql("--dbname", "mlflow", "--command", "CREATE TABLE of_a_newer_version ()")
    shutil.rmtree(served.state / "mlflow")
    served.run("restore", tmp_path / "backup")
    assert [served.count(*table) for table in tables] == before
    assert served.count("mlflow", "pg_tables WHERE tablename = 'of_a_newer_version'") == 0
    assert _files(served.state / "mlflow") == files


def test_a_new_machine_has_its_index_from_the_journal_that_was_backed_up(
    served: Team, night: str, tmp_path: Path
) -> None:
    journal = served.folder / "journal"
    segments = _files(journal)
    assert any(name.startswith("draws/") for name in segments)
    served.run("backup", tmp_path / "backup")
    shutil.rmtree(journal)
    served.run("restore", tmp_path / "backup")
    assert _files(journal) == segments
    home = tmp_path / "new"
    places = {"TTC_HOME": str(home), "TTC_JOURNAL": str(journal)}
    rebuild = [f"{sys.prefix}/bin/ttc", "warehouse", "rebuild"]
    subprocess.run(rebuild, env=os.environ | places, cwd=ROOT, check=True, timeout=120)
    runs = snapshot.query(home / "warehouse", "SELECT prefect_run FROM run_history")
    assert runs["prefect_run"].to_list() == [night]


def _files(folder: Path) -> dict[str, bytes]:
    """Content by name of all files below."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _state(prefect: httpx.Client, run: str) -> str:
    return str(prefect.get(f"/flow_runs/{run}").raise_for_status().json()["state"]["type"])


def _wait(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.5)
