"""The README's first command, as a user types it: real engine, models, Prefect and MLflow."""

import json
import os
import re
import subprocess

import pytest
from serving import TTC

from tasks.settings import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Runs `ttc` with a state folder of its own; gives the finished process."""
    home = tmp_path_factory.mktemp("demo")
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "TTC_"))
    } | {"TTC_HOME": str(home)}

    def run(*words):
        return subprocess.run(
            [*TTC, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )

    run.first = run("demo", "--max-budget", "2")
    return run


def tokens(demo):
    """Tokens that each run so far has generated."""
    rows = json.loads(demo("sql", "SELECT generated_tokens FROM run_history", "--json").stdout)
    return [row["generated_tokens"] for row in rows]


def test_it_ends_with_the_policy_table(demo):
    assert demo.first.returncode == 0, demo.first.stderr
    assert re.search(r"policy by probe difficulty.*N = 1.*N = 2", demo.first.stdout, re.DOTALL)


def test_it_prints_no_log_noise_and_fits_100_columns(demo):
    lines = demo.first.stdout.splitlines() + demo.first.stderr.splitlines()
    assert not [line for line in lines if len(line) > 100]
    assert not [
        line for line in lines if re.search(r"WARN|INFO|ERROR|leaked|Loading|Traceback", line)
    ]


def test_a_second_time_draws_nothing(demo):
    before = tokens(demo)
    again = demo("demo", "--max-budget", "2")
    assert again.returncode == 0, again.stderr
    assert sum(before) > 0 and sum(tokens(demo)) == sum(before)
    # A clean checkout has nothing to measure either.
    said = "is shown as it stands" in again.stdout + again.stderr
    assert said == (len(tokens(demo)) == len(before))
