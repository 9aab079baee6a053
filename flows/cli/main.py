"""The command line `ttc`: its verbs, and the exit code it leaves with."""

from __future__ import annotations

import atexit
import os
import signal
import sys

from cyclopts import App

from flows.cli.answer import serve, solve
from flows.cli.distill import distill
from flows.cli.evaluate import demo, plan, run, status
from flows.cli.policy import diff, policy_app
from flows.cli.query import sql, warehouse_app
from flows.cli.replicate import exchange, replicate
from flows.cli.service import doctor, showcase, up
from flows.cli.train import train_app
from flows.servers import quiet
from flows.servers.guard import run_guarded
from warehouse.errors import Busy, UserError

GUARDED = "TTC_GUARDED"
"""Set in the environment of a process that already runs under a guard."""

STARTING = ("demo", "run", "distill", "solve", "serve", "exchange", "replicate")
"""Commands that start engines or servers."""

app = App(
    name="ttc",
    help="How a model turns test-time compute into accuracy, and which strategy to use where.",
)
VERBS = (demo, run, plan, status, solve, serve, sql, diff, exchange, replicate, distill)
for verb in (*VERBS, warehouse_app, train_app, policy_app, up, showcase, doctor):
    app.command(verb)


def main() -> None:
    """Run the command line and leave with its exit code.

    What starts engines and servers runs under a guard: a run that is killed takes them along.
    """
    if sys.argv[1:2] and sys.argv[1] in STARTING and GUARDED not in os.environ:
        os.environ[GUARDED] = "1"
        code = run_guarded([sys.executable, "-m", "flows.cli.main", *sys.argv[1:]])
    else:
        code = exit_code()
    _leave(code)


def exit_code() -> int:
    """Run the command line: 0 good, 1 our fault, 2 the user's, 3 a regression, 75 try again later, 130 stopped."""
    quiet.set_quiet_defaults()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except UserError as error:
        return _told(str(error), 2)
    except Busy as error:
        return _told(str(error), 75)
    except KeyboardInterrupt:
        return _told("stopped; run the same command again to go on where it stopped", 130)
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 0
    return 0


def _told(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


def _leave(code: int) -> None:
    """Go past DuckDB's binding, which reports every object that an exception, or training, kept alive."""
    # Ends the servers that Prefect started for this process.
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
