"""A night with secrets in every place, killed before it published: caught up, kept, restored.

One state folder for all: a run by an endpoint that quotes its key, and Prefect and MLflow for real.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import polars as pl
import pytest
from chat_server import NAME, ChatServer
from dripping import dripping
from mlflow import MlflowClient
from serving import TTC
from summaries import summary_of

from infra.bench.same_tables import TABLES, rows_of
from tasks.runs.holding import hold
from tasks.settings import ROOT
from tasks.tracking import bounded
from tasks.tracking import runs as tracking
from warehouse.snapshot import Snapshot

pytestmark = pytest.mark.slow

PLANTED = "xoxb-4711-planted-everywhere"
SECRETS = {
    "HOOK": f"http://127.0.0.1:9/{PLANTED}",
    "TOKEN": PLANTED,
    "CHAT_KEY": PLANTED,
    "HF_TOKEN": PLANTED,
    "AWS_SECRET_ACCESS_KEY": PLANTED,
    "MLFLOW_TRACKING_PASSWORD": PLANTED,
}
QUOTING = "import sys; sys.exit('refused: ' + ' '.join(sys.argv))"
# As `ttc run` does it, but for the end: there it stops, as one that is killed.
PROGRAM = """
import sys
from contextlib import suppress
from flows.servers import quiet
quiet.set_quiet_defaults()
with quiet.prefect():
    from prefect import flow
    from flows import nightly
    from tasks import stages
    from tasks.study.reading import load_study
    from warehouse.errors import UserError
    study = load_study(sys.argv[1])

    @flow
    def killed():
        run_id = stages.open_run(study, study.generator.models[0])
        stages.generate(run_id)
        stages.measure(run_id)
        stages.fit_policy(run_id)

    def next_night():
        # Nobody is there to answer its own questions: what was left comes before them.
        with suppress(UserError):
            nightly.nightly(study)

    {"killed": killed, "next": next_night}[sys.argv[2]]()
"""
STUDY = """
benchmark = "numbers.jsonl"
answer = "command"
answer_command = ["{python}", "{judge}", "--token", "${{TOKEN}}"]
budgets = [1, 2]
strategies = ["majority"]
baseline = "majority"
difficulty_draws = 2
probe_draws = 1
generator = {{ models = ["{model}"], format = "chat-math", max_tokens = 64 }}
endpoints = [{{ model = "{model}", url = "{url}", api_key_env = "CHAT_KEY" }}]
gate = {{ webhook = "${{HOOK}}", command = ["{python}", "-c", "{quoting}", "${{TOKEN}}"] }}
"""
JUDGE = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    print(f"judged with {sys.argv}", file=sys.stderr)
    verdict = "correct" if asked["answer"] == asked["target"] else "wrong"
    print(json.dumps({"row": asked["row"], "verdict": verdict}), flush=True)
"""


class Night:
    """A state folder, a study beside it, and what is run there."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.study = folder / "secret.toml"
        self._program = folder / "program.py"
        self._program.write_text(PROGRAM)
        rows = [
            {"id": f"q{number}", "question": f"How many words has text {number}?", "answer": "7"}
            for number in range(10)
        ]
        (folder / "numbers.jsonl").write_text("\n".join(map(json.dumps, rows)))
        (folder / "judge.py").write_text(JUDGE)
        unset = ("PREFECT_", "TTC_", "MLFLOW_")
        plain = {k: v for k, v in os.environ.items() if not k.startswith(unset)}
        self.environment = plain | SECRETS
        self.said = ""

    def write(self, url: str) -> None:
        values = {"model": NAME, "url": url, "python": sys.executable, "quoting": QUOTING}
        judge = self.study.with_name("judge.py")
        self.study.write_text(STUDY.format(judge=judge, **values))

    def call(
        self, command: list[str], home: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment | {"TTC_HOME": str(home or self.home)},
            capture_output=True,
            text=True,
            check=False,
        )
        self.said += done.stdout + done.stderr
        return done

    def goes_on(self, how: str) -> None:
        done = self.call([sys.executable, str(self._program), str(self.study), how])
        assert done.returncode == 0, done.stderr

    def events(self) -> list[str]:
        wanted = "event IN ('complete', 'promoted', 'published')"
        read = Snapshot(self.home / "warehouse").read
        return read(f'SELECT event FROM run_events WHERE {wanted} ORDER BY "at"')["event"].to_list()


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    made = Night(tmp_path_factory.mktemp("killed"))
    with ChatServer("plain", key=PLANTED) as server:
        made.write(server.url)
        made.goes_on("killed")
    return made


def test_it_is_left_to_who_is_at_it_and_else_compared_and_published_once(night: Night) -> None:
    assert night.events() == ["complete"]
    run_id = Snapshot(night.home / "warehouse").read("SELECT run_id FROM runs").item()
    with hold(night.home, run_id):
        night.goes_on("next")
    assert night.events() == ["complete"]
    night.goes_on("next")
    night.goes_on("next")
    assert night.events() == ["complete", "promoted", "published"]
    store = f"sqlite:///{night.home}/mlflow/mlflow.db"
    client = MlflowClient(store, store)
    experiments = [one.experiment_id for one in client.search_experiments()]
    # Beside it there is the run that shows the family's trend.
    (published,) = client.search_runs(experiments, f"tags.`ttc.run_id` = '{run_id}'")
    subjects = [run.data.tags.get("ttc.subject") for run in client.search_runs(experiments)]
    assert subjects.count(published.data.tags["ttc.subject"]) == 1


def test_a_restored_copy_has_the_same_tables_and_mlflow_its_files(
    night: Night, tmp_path: Path
) -> None:
    copy, home = tmp_path / "copy", tmp_path / "home é"
    refused = night.call([*TTC, "restore", str(copy)], home)
    assert refused.returncode == 2 and "that `ttc backup` has filled" in refused.stderr
    assert not home.exists()
    for _ in range(2):
        assert night.call([*TTC, "backup", str(copy)]).returncode == 0
    refused = night.call([*TTC, "restore", str(copy)])
    assert refused.returncode == 2 and "to be empty or not there" in refused.stderr
    done = night.call([*TTC, "restore", str(copy)], home)
    assert done.returncode == 0, done.stderr
    before, now = Snapshot(night.home / "warehouse"), Snapshot(home / "warehouse")
    for table in TABLES:
        assert rows_of(before, table).equals(rows_of(now, table)), table
    assert rows_of(now, "draws").height > 0
    store = f"sqlite:///{home}/mlflow/mlflow.db"
    client = MlflowClient(store, store)
    experiments = [one.experiment_id for one in client.search_experiments()]
    (run,) = client.search_runs(experiments, "tags.`ttc.run_id` LIKE '2%'")
    assert run.info.artifact_uri.startswith(home.as_uri())
    assert "report.html" in {file.path for file in client.list_artifacts(run.info.run_id)}


def test_the_planted_secrets_are_in_no_file_row_or_word(night: Night, tmp_path: Path) -> None:
    # The other way too: what waits for an MLflow that is not there.
    summary = summary_of("run-waits")
    assert tracking.publish(summary, uri="http://127.0.0.1:9", outbox=night.home / "outbox") is None
    exported = tmp_path / "export"
    assert night.call([*TTC, "warehouse", "export", str(exported)]).returncode == 0
    assert night.call([*TTC, "run", str(night.study)]).returncode != 0
    places = [path for path in (night.home, exported) for path in path.rglob("*") if path.is_file()]
    kinds = {path.suffix for path in places}
    assert {".parquet", ".duckdb", ".db", ".json", ".html"} <= kinds
    assert [str(path) for path in places if PLANTED.encode() in path.read_bytes()] == []
    # Compressed texts are found in no bytes: the rows are read.
    for path in places:
        if path.suffix == ".parquet":
            assert PLANTED not in pl.read_parquet(path).write_json(), path
    assert PLANTED not in night.said


def test_a_server_that_sends_a_byte_a_second_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tracking, "PATIENCE_SECONDS", 3.0)
    with dripping(is_healthy=True) as uri:
        started = time.monotonic()
        assert tracking.publish(summary_of("run-a"), uri=uri, outbox=tmp_path / "outbox") is None
        assert time.monotonic() - started < 30
        # The thread that was given up ends too, after the next byte.
        deadline = time.monotonic() + 10
        while any(thread.name == bounded.NAME for thread in threading.enumerate()):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert "not done within 3 s" in capsys.readouterr().err
    assert (tmp_path / "outbox" / "run-a").is_dir()
