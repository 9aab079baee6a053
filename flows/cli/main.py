"""The command line `ttc`: its verbs, and the exit code it leaves with."""

from __future__ import annotations

import atexit
import os
import signal
import sys

from cyclopts import App

from flows.cli.distill import distill
from flows.cli.evaluate import demo, plan, run, status
from flows.cli.policy import diff, policy_app
from flows.cli.query import sql, warehouse_app
from flows.cli.regrade import regrade
from flows.cli.replay import replay
from flows.cli.replicate import exchange, replicate
from flows.cli.samples import export_samples, import_samples
from flows.cli.service import backup, doctor, restore, serve, showcase, solve, up
from flows.cli.terminal import PlainConsole
from flows.cli.train import train_app
from flows.servers import quiet
from flows.servers.away import server_away
from flows.servers.guard import run_guarded
from tasks.settings import settings
from warehouse.disks.trouble import trouble_of, was_stopped
from warehouse.errors import Busy, DiskTrouble, EngineDied, UserError, say

GUARDED = "TTC_GUARDED"
"""Set in the environment of a process that already runs under a guard: it starts no second one."""

STOPPED = 128 + signal.SIGINT
"""Exit code of a command that was told to stop, as a shell has it."""

AGAIN = "run the same command again to go on where it stopped"
ENDED = {
    STOPPED: f"stopped; {AGAIN}",
    128 + signal.SIGKILL: (
        f"killed from outside (SIGKILL), as the kernel does where memory is full; {AGAIN}"
    ),
}
"""What is said of a command for it: under a guard it may have had no time for a word."""

STARTING = ("demo", "run", "distill", "solve", "serve", "exchange", "replicate")
"""Commands that start engines or servers."""

app = App(
    name="ttc",
    help="How a model turns test-time compute into accuracy, and which strategy to use where.",
    # Words that are refused are shown, whatever is in them.
    error_console=PlainConsole(stderr=True),
    # Ours says how to go on.
    suppress_keyboard_interrupt=False,
)
# Each verb imports what it needs when it runs: `ttc status` should not wait for Prefect and torch.
VERBS = (
    demo,
    run,
    plan,
    status,
    solve,
    serve,
    sql,
    diff,
    replay,
    regrade,
    exchange,
    replicate,
    distill,
)
app.command(import_samples, name="import")
app.command(export_samples, name="export")
for verb in (*VERBS, warehouse_app, train_app, policy_app, up, backup, restore, showcase, doctor):
    app.command(verb)


def main() -> None:
    """Run the command line and leave with its exit code.

    What starts engines and servers runs under a guard: a run that is killed takes them along, and
    the code is 137.
    """
    # SIGTERM ends a command as Ctrl-C does: what it has drawn is written, its engines are ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    verb = next(iter(sys.argv[1:]), None)
    if verb in STARTING and GUARDED not in os.environ:
        os.environ[GUARDED] = "1"
        code = run_guarded([sys.executable, "-m", "flows.cli.main", *sys.argv[1:]])
        if code in ENDED:
            say(ENDED[code])
    else:
        code = exit_code()
    _leave(code)


def exit_code() -> int:
    """Run the command line; the exit code.

    0 good, 1 our fault (a traceback), 2 the user's, 3 a regression, 75 try again later, 130
    stopped.
    """
    quiet.set_quiet_defaults()
    try:
        app()
    except UserError as error:
        return _end(str(error), 2)
    except (Busy, DiskTrouble, EngineDied) as error:
        # EX_TEMPFAIL of sysexits(3), which schedulers take for `try again`.
        return _end(str(error), error.exit_code)
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 0
    except (KeyboardInterrupt, Exception) as error:
        return _end_of(error)
    return 0


def _end_of(error: BaseException) -> int:
    """The exit code of a stopped command, or of trouble that a library wrapped; else the error."""
    if was_stopped(error):
        return STOPPED if GUARDED in os.environ else _end(ENDED[STOPPED], STOPPED)
    # Libraries wrap what a disk or a server said; a traceback would show no fault of ours.
    found = trouble_of(error, settings().home) or server_away(error)
    if found is None:
        raise error
    return _end(str(found), found.exit_code)


def _end(message: str, code: int) -> int:
    """The exit code, once the reason stands on stderr."""
    say(message)
    return code


def _leave(code: int) -> None:
    """Leave at once, past DuckDB's binding, which reports every object that is still alive."""
    # Ends the servers that Prefect started for this process.
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
