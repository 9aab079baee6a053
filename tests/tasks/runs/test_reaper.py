"""What a process started for its engines ends with it, though it was killed without warning.

The memory that they shared is given back too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tasks.runs.reaper import is_there, mark_of
from tasks.settings import ROOT

# A child with a name of its own, as vLLM gives its engines, and a grandchild in another session.
PROGRAM = """
import multiprocessing, subprocess, time
import setproctitle
from multiprocessing.shared_memory import SharedMemory
from tasks.runs.reaper import reap_at_end

def engine(pipe):
    setproctitle.setproctitle("VLLM::EngineCore")
    worker = subprocess.Popen(["sleep", "600"], start_new_session=True)
    kept = SharedMemory(create=True, size=128)
    pipe.send((multiprocessing.current_process().pid, worker.pid, kept.name))
    time.sleep(600)

if __name__ == "__main__":
    reap_at_end()
    here, there = multiprocessing.Pipe()
    multiprocessing.get_context("spawn").Process(target=engine, args=(there,)).start()
    print(*here.recv(), flush=True)
    time.sleep(600)
"""


def test_an_engine_and_its_workers_end_with_a_parent_that_was_killed(tmp_path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    bystander = subprocess.Popen(["sleep", "600"])
    parent = subprocess.Popen(
        [sys.executable, str(program)],
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert parent.stdout is not None
        *numbers, name = parent.stdout.readline().split()
        started = [psutil.Process(int(number)) for number in numbers]
        shared = Path("/dev/shm", name)
        assert len(started) == 2 and shared.exists()
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        # Waits too where nobody takes the exit status of an orphan: then it is a zombie.
        deadline = time.monotonic() + 10
        while any(_runs(one) for one in started) or shared.exists():
            assert time.monotonic() < deadline, (started, shared)
            time.sleep(0.1)
        assert bystander.poll() is None
    finally:
        parent.kill()
        bystander.kill()
        bystander.wait()


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_mark_is_of_one_process_and_not_of_a_later_one_with_its_number() -> None:
    own = mark_of(os.getpid())
    number, _, began = own.partition("-")
    assert is_there(own)
    assert not is_there(f"{number}-{int(began) + 1}")
    assert not is_there("4194305-1")
    assert not is_there("no mark")
