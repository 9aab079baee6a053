"""What the command line imports before it does anything: a verb waits only for what it uses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.settings import ROOT
from warehouse.store import Store

HEAVY = {
    *("duckdb", "httpx", "jinja2", "mlflow", "numba", "numpy", "polars", "prefect", "pyarrow"),
    *("scipy", "tokenizers", "torch", "transformers", "vllm"),
}
"""Packages that take tenths of a second and more."""

WATCH = """
import json, resource, sys
from flows.cli import main

codes = []
for words in json.loads(sys.argv.pop()):
    sys.argv[1:] = words
    codes.append(main.exit_code())
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "codes": codes,
    "cpu": used.ru_utime + used.ru_stime,
    "packages": sorted({name.partition(".")[0] for name in sys.modules}),
}), file=sys.stderr)
"""
"""Several commands in one process of their own, and then what that process has imported."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder before its first run."""
    home = tmp_path_factory.mktemp("home")
    with Store.open(home / "warehouse") as store:
        store.publish_snapshot()
    return home


def start(home: Path, *commands: list[str]) -> tuple[float, set[str]]:
    """CPU seconds of a process that ran these, and the heavy packages in it."""
    done = subprocess.run(
        [sys.executable, "-c", WATCH, json.dumps(commands)],
        cwd=ROOT,
        env=os.environ | {"TTC_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stderr.splitlines()[-1])
    assert found["codes"] == [0] * len(commands)
    return found["cpu"], HEAVY & set(found["packages"])


def test_help_imports_nothing_heavy(home: Path) -> None:
    seconds, heavy = start(home, ["--help"])
    assert heavy == set()
    assert seconds <= 1


def test_no_verb_imports_anything_heavy_to_say_what_it_does(home: Path) -> None:
    verbs = ["demo", "run", "plan", "status", "solve", "serve", "sql", "diff", "regrade"]
    verbs += ["exchange", "replicate", "distill", "import", "export", "warehouse", "train"]
    verbs += ["policy", "up", "showcase", "doctor"]
    assert start(home, *([verb, "--help"] for verb in verbs))[1] == set()


def test_sql_imports_the_database_and_frames_alone(home: Path) -> None:
    seconds, heavy = start(home, ["sql", "SELECT 1"], ["status"])
    assert heavy <= {"duckdb", "numpy", "polars", "pyarrow"}
    # Two commands; infra/bench/start.py has what one of them takes.
    assert seconds <= 2
