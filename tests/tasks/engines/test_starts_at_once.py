"""Engines that start at the same moment, in a process that logs to Prefect and has no vLLM yet."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tasks.settings import ROOT

pytestmark = pytest.mark.slow

PROGRAM = """
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from tasks.engines import vllm_process
from tasks.models.version import BUNDLED
from tasks.study.tables import EngineOptions

MODELS = [("congruences-generator", False), ("congruences-prm", True)] * 2

def started(model):
    name, head = model
    return vllm_process.start(BUNDLED / name, EngineOptions(), head=head)

class Sender(logging.Handler):
    # Like Prefect's: flushing waits for a thread that logs too.
    def flush(self):
        sending = threading.Thread(target=logging.getLogger, args=("a new one",), daemon=True)
        sending.start()
        sending.join(30)
        assert not sending.is_alive(), "flushed by who holds the lock of logging"

if __name__ == "__main__":
    logging.getLogger("a flow's").addHandler(Sender())
    with ThreadPoolExecutor(len(MODELS)) as threads:
        for engine in threads.map(started, MODELS):
            engine.shutdown()
    print("all were there")
"""


def test_no_thread_waits_for_another_in_a_circle(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program)],
        # As vLLM takes it, and logging would not.
        env=os.environ | {"PYTHONPATH": str(ROOT), "VLLM_LOGGING_LEVEL": "error"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stdout.endswith("all were there\n"), done.stderr
