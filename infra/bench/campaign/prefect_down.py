"""Runs studies on a Prefect server of somebody else's that fails at request k.

    PYTHONPATH=. python infra/bench/campaign/prefect_down.py [--n 8] [--seed 0]

A real Prefect server stands behind a proxy on loopback, and `ttc run` is told of the proxy. Its
engine is scripted, the rest is the command's own. At some request, drawn by chance, the proxy
answers 500, once or from then on, cuts the connection before or after the request went through,
answers it a byte a second, is slow or gone from then on; or nobody listens at all. The command ends
well, or with exit code 75 and one sentence, within LONGEST seconds of waiting. Then all is well
again, the same command goes on, and its tables are those of a run that met no fault.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import homes
from proxy import Line, between, free_port, serving
from trials import Campaign, ask, conduct, fork, wait_for

KINDS = ("500 on", "down", "500", "gone", "cut before", "cut after", "slow", "drip")
LONGEST = 240.0
"""Seconds of waiting: Prefect's client asks again for a minute, and asks for several things."""
STUDY = """
name = "bob's [/INST] 🎲/<b>\\u001b[2J{long}"
questions = 10
budgets = [1, 2, 4]
difficulty_draws = 4
"""
API = "PREFECT_API_URL"
PROGRESS = re.compile(r"generate +[\d,]+/[\d,]+ questions")


class Trial(NamedTuple):
    """What befalls a run."""

    kind: str
    at: int
    """Request at which it begins."""


class Lab:
    """A study, and the state folder of a run of it that met no fault."""

    def __init__(self, campaign: Campaign, line: Line, uri: str) -> None:
        from flows.servers import quiet

        self.campaign = campaign
        self.line = line
        self.folder = campaign.folder
        self.study = self.folder / "study.toml"
        self.study.write_text(STUDY.format(long="x" * 240), encoding="utf-8")
        self.api = f"{uri}/api"
        self.good = self.folder / "good"
        os.environ[API] = self.api
        quiet.set_quiet_defaults()
        with quiet.prefect():
            homes.learn(self._first, self.folder)
        line.breaks("", 0)
        self.run(self.folder / "counted", self.api)
        self.requests = line.seen

    def _first(self) -> None:
        if run_study(self.good, self.study, self.api) != 0:
            raise RuntimeError("a run without a fault failed")
        homes.write_tables(self.good)

    def run(self, home: Path, api: str) -> tuple[int | None, str, float]:
        """Exit code, what was said on stderr, and seconds in which the command only waited."""
        said = self.folder / "said"

        def work() -> None:
            raise SystemExit(run_study(home, self.study, api))

        ended = wait_for(fork(work, said), said)
        return ended.code, ended.said, ended.idle

    def try_out(self, trial: Trial) -> None:
        """A run that meets a fault, then the same command on a server that is well."""
        home = self.folder / "tried"
        shutil.rmtree(home, ignore_errors=True)
        self.line.breaks(trial.kind, trial.at)
        api = f"http://127.0.0.1:{free_port()}/api" if trial.kind == "down" else self.api
        code, said, waited = self.run(home, api)
        self.campaign.counts["ended the command"] += code != 0
        self.campaign.note(trial=trial, code=code, waited=round(waited, 1), said=said)
        self._judge(trial, code, said, waited)
        self.line.breaks("", 0)
        code, said, _ = self.run(home, self.api)
        if code != 0 or complaints(said):
            self.campaign.fault("wrong", f"{trial}: again: exit {code}, {said[-3000:]}")
            return
        for table in ask(functools.partial(homes.differing, home, self.good), self.folder):
            self.campaign.fault("wrong", f"{trial}: {table} differs")

    def _judge(self, trial: Trial, code: int | None, said: str, waited: float) -> None:
        """Counts what is wrong with how a command ended whose server failed."""
        fault = functools.partial(self.campaign.fault)
        lines = complaints(said)
        if code is None or waited > LONGEST:
            fault("hung", f"{trial}: {waited:.0f} s")
        elif "Traceback" in said:
            fault("tracebacks", f"{trial}: {said[-3000:]}")
        elif code not in (0, 75) or len(lines) != (code == 75):
            fault("wrong", f"{trial}: exit {code}, {said[-3000:]}")


def complaints(said: str) -> list[str]:
    """Lines on stderr that are not a stage's progress."""
    return [line for line in said.splitlines() if line.strip() and not PROGRESS.match(line)]


def run_study(home: Path, study: Path, api: str) -> int:
    """Exit code of `ttc run`, in this process, with a scripted engine; nothing goes to MLflow."""
    from prefect.context import refresh_global_settings_context
    from scripted_runs import ScriptedEngines

    from flows.cli import main
    from tasks.evaluation import generate, publish

    home.mkdir(exist_ok=True)
    os.environ |= {"TTC_HOME": str(home), API: api}
    # Read when Prefect was imported, by the process of which this one is a fork.
    refresh_global_settings_context()
    generate.RunEngines = lambda run, _spent: ScriptedEngines(run)
    publish.run = lambda now, run_id: homes.put_aside(now.home, run_id)
    sys.argv = ["ttc", "run", str(study)]
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        return main.exit_code()


@contextlib.contextmanager
def _prefect(folder: Path) -> Iterator[int]:
    """The port of a real server with an empty store."""
    folder.mkdir()
    port = free_port()
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    named = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
    named |= {"PREFECT_HOME": str(folder), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    log = folder / "log"
    with serving(command, port, log=log, environment=named, path="/api/health") as found:
        yield found


def down(campaign: Campaign) -> None:
    """Runs, one after the other, each with a fault at some request."""
    with _prefect(campaign.folder / "prefect") as port, between(port) as (line, uri):
        lab = Lab(campaign, line, uri)
        campaign.note(requests=lab.requests)
        for number in campaign.tries():
            # The kinds in turn, so that a short campaign has them all.
            kind = KINDS[number % len(KINDS)]
            lab.try_out(Trial(kind, campaign.rng.randrange(lab.requests)))


def main(argv: list[str] | None = None) -> int:
    """As trials.conduct."""
    return conduct(argv, __doc__, down, n=8)


if __name__ == "__main__":
    sys.exit(main())
