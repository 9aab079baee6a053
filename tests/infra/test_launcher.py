"""What infra/ttc says when something is missing; installing from nothing is what `.ci/run` does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tasks.settings import INFRA


def test_an_unknown_lock_is_refused() -> None:
    refused = _launch(TTC_LOCK="tpu")
    assert (refused.returncode, refused.stderr) == (
        2,
        "ttc: TTC_LOCK must be cpu or gpu, got 'tpu'.\n",
    )


def test_a_missing_python_is_said_before_anything_is_made(tmp_path: Path) -> None:
    refused = _launch(TTC_VENV=str(tmp_path / "venv"), TTC_PYTHON="/nonexistent")
    assert refused.returncode == 2
    assert refused.stderr.startswith("ttc: Python 3.11, 3.12 or 3.13 is needed, found none;")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_the_launcher_did_not_make_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "thesis.txt"
    precious.write_text("mine", encoding="utf-8")
    refused = _launch(TTC_VENV=str(tmp_path), TTC_LOCK="cpu")
    assert refused.returncode == 2
    assert f"{tmp_path} exists but was not made by this launcher" in refused.stderr
    assert precious.read_text(encoding="utf-8") == "mine"


def test_the_environment_of_another_checkout_is_left_alone(tmp_path: Path) -> None:
    environment, other = tmp_path / "venv", tmp_path / "other"
    environment.mkdir()
    (other / "infra").mkdir(parents=True)
    (environment / ".ttc-venv").write_text(f"{other}\n", encoding="utf-8")
    refused = _launch(TTC_VENV=str(environment), TTC_LOCK="cpu")
    assert refused.returncode == 2
    assert f"{environment} belongs to the ttc in {other}" in refused.stderr
    assert [path.name for path in environment.iterdir()] == [".ttc-venv"]


def test_without_an_index_nothing_is_left_and_the_code_says_try_again(tmp_path: Path) -> None:
    unreachable = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_FIND_LINKS": "",
    }
    refused = _launch(TTC_VENV=str(tmp_path / "venv"), TTC_LOCK="cpu", **unreachable)
    assert refused.returncode == 75, refused.stderr
    assert refused.stderr.startswith("ttc: no package index can be reached")
    assert list(tmp_path.iterdir()) == []


def test_it_works_through_a_link_from_any_folder(tmp_path: Path) -> None:
    link = tmp_path / "ttc"
    link.symlink_to(INFRA / "ttc")
    refused = _launch(link, cwd=tmp_path, TTC_LOCK="tpu")
    assert "TTC_LOCK must be" in refused.stderr


def _launch(
    launcher: Path = INFRA / "ttc", *, cwd: Path = INFRA, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (launcher, "--help"),
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
