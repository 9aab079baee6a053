"""No test sends telemetry; none is timed: that would say more of the machine than of the code."""

import os
import signal
import sys
from collections.abc import Generator

import pytest
from hypothesis import settings

from tasks.settings import stop_telemetry

# Before any test imports a package that reads its switch then; the command line does it for itself.
stop_telemetry()

# `nohup` and the background of a shell ignore these, for all that they start; tests send them.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def process_is_left_as_found() -> Generator[None]:
    """What a test sets for its process, MLflow's store among it, is not there for the next one."""
    before = dict(os.environ)
    handlers = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    yield
    for one, handler in handlers.items():
        signal.signal(one, handler)
    if "mlflow" in sys.modules:
        import mlflow

        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)
    os.environ.clear()
    os.environ.update(before)
