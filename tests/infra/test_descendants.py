"""Processes that end while a test looks at them do not end the test."""

import subprocess
import sys
import time

import psutil
from descendants import descendants


def test_one_that_ended_and_was_not_waited_for_is_no_descendant():
    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    running = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "a mark"])
    try:
        # Popen.poll would take the exit status; psutil asks without taking it.
        while psutil.Process(ended.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        found = {process.pid: words for process, words in descendants()}
        assert ended.pid not in found
        assert found[running.pid].endswith("a mark")
    finally:
        running.kill()
        running.wait()
        ended.wait()
