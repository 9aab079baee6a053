"""Processes that are copies: each has the environment of the moment at which it started."""

from __future__ import annotations

import subprocess
import sys

from tasks.settings import ROOT

PROGRAM = """
import os
from tasks.engines.vllm_process import Copies

def tell(pipe):
    pipe.send((os.environ.get("TTC_A"), os.environ.get("TTC_B"), os.getppid()))

def started(context):
    here, there = context.Pipe()
    context.Process(target=tell, args=(there,)).start()
    return here.recv()

if __name__ == "__main__":
    context = Copies()
    os.environ["TTC_A"] = "1"
    first = started(context)
    os.environ |= {"TTC_A": "2", "TTC_B": "3"}
    second = started(context)
    assert first[:2] == ("1", None), first
    assert second[:2] == ("2", "3"), second
    # Both come from one process, which is not this one.
    assert first[2] == second[2] != os.getpid()
"""


def test_a_copy_has_the_environment_of_whoever_starts_it(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program)],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
