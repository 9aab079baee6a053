"""The README's first command, as a user types it: real engine, real models, Prefect without a server, MLflow."""

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
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "TTC_"))} | {
        "TTC_HOME": str(home)
    }

    def run(*words):
        return subprocess.run([*TTC, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    run.first = run("demo", "--max-budget", "4")
    return run


def spent(demo):
    rows = json.loads(demo("sql", "SELECT generated_tokens FROM run_history ORDER BY opened_at", "--json").stdout)
    return [row["generated_tokens"] for row in rows]


def test_it_ends_with_the_policy_table(demo):
    assert demo.first.returncode == 0, demo.first.stderr
    assert re.search(r"policy by predicted difficulty.*N = 1.*N = 4", demo.first.stdout, re.DOTALL)


def test_it_prints_no_log_noise_and_fits_100_columns(demo):
    lines = demo.first.stdout.splitlines() + demo.first.stderr.splitlines()
    assert max(map(len, lines)) <= 100
    assert not [line for line in lines if re.search(r"WARN|INFO|ERROR|leaked|Loading|Traceback", line)]


def test_a_second_time_draws_nothing_and_a_larger_budget_only_the_difference(demo):
    assert demo("demo", "--max-budget", "4").returncode == 0
    assert demo("demo", "--max-budget", "8").returncode == 0
    first, second, larger = spent(demo)
    assert first > 0 and second == 0 and larger > 0
    gaps = """
        SELECT prefix_key FROM draws GROUP BY prefix_key, sampling_key, replicate HAVING max(child) + 1 <> count(*)"""
    assert json.loads(demo("sql", gaps, "--json").stdout) == []
    pools = """
        SELECT DISTINCT count(*) AS n FROM draws WHERE role = 'proposer' AND depth = 0 AND stop <> 'step'
        GROUP BY prefix_key"""
    assert json.loads(demo("sql", pools, "--json").stdout) == [{"n": 8}]
