"""Engines that start at the same moment, in threads of one process that has not imported vLLM."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tasks.settings import ROOT

pytestmark = pytest.mark.slow

PROGRAM = """
from concurrent.futures import ThreadPoolExecutor
from tasks.engines import vllm_process
from tasks.models.version import BUNDLED
from tasks.study.tables import EngineOptions

MODELS = [("congruences-generator", False), ("congruences-prm", True)] * 2

def started(model):
    name, head = model
    return vllm_process.start(BUNDLED / name, EngineOptions(), head=head)

if __name__ == "__main__":
    with ThreadPoolExecutor(len(MODELS)) as threads:
        for engine in threads.map(started, MODELS):
            engine.shutdown()
    print("all were there")
"""


def test_no_thread_waits_for_another_in_a_circle_of_imports(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stdout.endswith("all were there\n"), done.stderr
