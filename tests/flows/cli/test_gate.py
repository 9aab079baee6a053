"""A sabotaged model version meets the regression gate: real engine, real models, exit code 3."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from serving import TTC

from tasks.settings import INFRA, ROOT

pytestmark = pytest.mark.slow

GOOD = "bundled/congruences-generator"
STUDY = """
questions = 40
budgets = [1, 2, 4, 8]
strategies = ["majority", "weighted"]
difficulty_draws = 8
generator = {{ models = ["{good}", "{bad}"], max_tokens = 128 }}
verifier = {{ model = "bundled/congruences-prm", format = "congruences-prm" }}
gate = {{ command = ["cp", "/dev/stdin", "{alarm}"] }}
"""


def sabotaged(folder: Path) -> Path:
    """The bundled generator with noise of half their own spread added to its weights."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(INFRA / "models" / "congruences-generator", folder)
    noise = torch.Generator().manual_seed(0)
    weights = {
        name: (w + 0.5 * w.float().std() * torch.randn(w.shape, generator=noise)).to(w.dtype)
        if w.ndim > 1
        else w
        for name, w in load_file(folder / "model.safetensors").items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def nights(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `ttc`; a good version was evaluated, and after it a sabotaged one."""
    home = tmp_path_factory.mktemp("gate")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "TTC_"))}
    environment |= {"TTC_HOME": str(home)}

    def ttc(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*TTC, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )

    bad = sabotaged(home / "sabotaged")
    text = STUDY.format(good=GOOD, bad=bad, alarm=home / "alarm.json")
    (home / "small.toml").write_text(text)
    ttc.last = ttc("run", str(home / "small.toml"), "--gate")
    ttc.home = home
    return ttc


def test_the_sabotage_is_caught_with_exit_code_3(nights) -> None:
    assert nights.last.returncode == 3, nights.last.stderr
    assert "is significantly worse than champion version 1 at N = 4" in nights.last.stderr


def test_the_gates_command_got_the_alarm(nights) -> None:
    alarm = json.loads((nights.home / "alarm.json").read_text())
    assert alarm["worse_at"] == [4] and alarm["version"]["version"] == 2


def test_the_good_version_stays_champion(nights) -> None:
    rows = json.loads(
        nights("sql", "SELECT version, standing FROM standings ORDER BY version", "--json").stdout
    )
    assert rows == [{"version": 1, "standing": "champion"}, {"version": 2, "standing": "candidate"}]


def test_mlflow_marks_run_and_version(nights) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{nights.home}/mlflow/mlflow.db"
    client = MlflowClient(uri, uri)
    name = "ttc-policy-congruences-congruences"
    assert {alias: str(v) for alias, v in client.get_registered_model(name).aliases.items()} == {
        "champion": "1",
        "candidate": "2",
    }
    version = client.get_model_version(name, "2")
    assert (
        "significantly worse" in version.tags["ttc.regression"]
        and "Regression:" in version.description
    )
    assert "ttc.regression" in client.get_run(version.run_id).data.tags


def test_the_diff_names_the_losers_and_fits_100_columns(nights) -> None:
    shown = nights("diff", "1", "2")
    assert shown.returncode == 0, shown.stderr
    assert "worse" in shown.stdout and "Biggest losers at N = 4" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 100
