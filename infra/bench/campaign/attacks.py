"""Asks `ttc up` and `ttc serve` as strangers would, with curl; prints each line and its answer.

    PYTHONPATH=.:tests/fakes python infra/bench/campaign/attacks.py [--n 100]

Both run for real, on free ports, where their settings put them; the endpoint answers by a scripted
engine. Strangers are pages of other sites (Origin), names that point here (Host), users without the
password, and bodies that are too large, cut or no text. A trial is a request. Counted as wrong is
one that gets another status than is promised, and a port at which any process of theirs listens
elsewhere than on loopback, as `ss -ltn` has it; as hung one that takes longer than LONGEST.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from proxy import free_port, wait_for_server
from trials import ROOT, Campaign, conduct, environment

# After the frame, which names the folder of fakes.
from listening import listening  # isort: skip
from scripted_runs import run_all, small_study  # isort: skip
from serving import up_in

from flows.servers.password import path_of
from warehouse.snapshot import Snapshot

LONGEST = 60
SHOWN = 90
"""Characters of an answer that are printed."""
EVIL = "http://evil.example"
FLOW = json.dumps({"name": "attack"})
CHAT = json.dumps({"messages": [{"role": "user", "content": "?"}], "budget": 1})
LONE = CHAT.replace('"?"', '"\\ud800"')
SERVE = """
import functools, sys
from flows.answers import serving
from flows.cli import main
from scripted_runs import ScriptedEngines
from tasks.serving.solver import open_solver
serving.open_solver = functools.partial(open_solver, engines=ScriptedEngines)
sys.argv = ["ttc", "serve", "--port", sys.argv[1]]
sys.exit(main.exit_code())
"""
"""`ttc serve`, behind which stands a scripted engine."""


class Attack(NamedTuple):
    """Words for curl, and the status that the request must get."""

    server: str
    path: str
    status: int
    words: tuple[str, ...] = ()


def _post(body: str, *headers: str, kind: str = "application/json") -> tuple[str, ...]:
    named = [word for header in (f"Content-Type: {kind}", *headers) for word in ("-H", header)]
    return ("-X", "POST", *named, "--data-binary", body)


def _attacks(large: Path, question: str) -> list[Attack]:
    """`large`: a file of more bytes than a body may have; the question is one that is answered."""
    make = "/api/flows/"
    experiment = "/api/2.0/mlflow/experiments/create"
    chat = "/v1/chat/completions"
    origin, rebound = f"Origin: {EVIL}", "Host: evil.example:4200"
    found: list[Attack] = []
    for path, body, server in ((make, FLOW, "prefect"), (experiment, FLOW, "mlflow")):
        found += [
            Attack(server, path, 403, _post(body, origin)),
            Attack(server, path, 403, _post(body, origin, kind="text/plain")),
            Attack(server, path, 403, _post(body, rebound)),
            Attack(server, path, 403, _post(body, "Host: 10.evil.example")),
        ]
    found += [
        Attack("prefect", make, 403, _post(FLOW, "Origin: null")),
        Attack("prefect", make, 401, _post(FLOW)),
        Attack("prefect", make, 401, _post(FLOW, "Authorization: Basic dHRjOg==")),
        Attack("prefect", "/api/deployments/filter", 401, _post("{}")),
        Attack("serve", chat, 403, _post(CHAT, origin)),
        Attack("serve", chat, 403, _post(CHAT, rebound)),
        Attack("serve", "/v1/models", 403, ("-H", "Host: evil.example")),
        Attack("serve", chat, 413, _post(f"@{large}")),
        Attack("serve", chat, 400, _post(LONE)),
        Attack("serve", chat, 400, _post(CHAT[:-1])),
        Attack("serve", chat, 400, _post("[" * 100_000)),
        Attack("serve", chat, 200, _post(CHAT.replace('"?"', json.dumps(question)))),
        Attack("serve", "/health", 200),
    ]
    return found


def main(argv: list[str] | None = None) -> int:
    """As trials.conduct."""
    return conduct(argv, __doc__, attack, n=100)


def attack(campaign: Campaign) -> None:
    """Every attack once, in order; the last ones show that who may ask is answered."""
    large = campaign.folder / "large"
    large.write_bytes(b" " * (3 << 20))
    home = campaign.folder / "serve"
    with up_in(campaign.folder / "up") as up, _serve(home) as (endpoint, port):
        addresses = {
            "prefect": up.prefect_api.removesuffix("/api"),
            "mlflow": up.mlflow_uri,
            "serve": f"http://127.0.0.1:{port}",
        }
        named = {address.rpartition(":")[2] for address in addresses.values()}
        ours = [*listening(up.process.pid), *listening(endpoint)]
        _look_at_ports(campaign, named, {str(port) for _, port in ours})
        known = "SELECT question FROM questions ORDER BY question_id LIMIT 1"
        left = _attacks(large, Snapshot(home / "warehouse").read(known).item())
        password = f"user = {path_of(up.home).read_text().strip()}"
        (campaign.folder / "known").write_text(password)
        with_password = ("-K", str(campaign.folder / "known"), *_post(FLOW))
        left.append(Attack("prefect", "/api/flows/", 201, with_password))
        for number in campaign.tries():
            if number == len(left):
                return
            _ask(campaign, left[number], addresses[left[number].server])


def _ask(campaign: Campaign, one: Attack, address: str) -> None:
    words = ("curl", "-s", "-m", str(LONGEST), *one.words, address + one.path)
    shown = shlex.join(word if len(word) < 200 else f"{word[:20]}…" for word in words)
    done = subprocess.run(
        [*words, "-w", "\n%{http_code}"], capture_output=True, text=True, check=False
    )
    said, _, status = done.stdout.rpartition("\n")
    print(f"$ {shown}\n{status} {' '.join(said.split())[:SHOWN]}", flush=True)
    if done.returncode == 28:
        campaign.fault("hung", shown)
    elif status != str(one.status):
        campaign.fault("wrong", f"expected {one.status}, got {status}: {shown}")


def _look_at_ports(campaign: Campaign, named: set[str], ours: set[str]) -> None:
    """Prints the lines of `ss -ltn` on our ports; each is on loopback, and the named are there."""
    said = subprocess.run(["ss", "-ltn"], capture_output=True, text=True, check=True).stdout
    head, *rows = said.splitlines()
    print(f"$ ss -ltn\n{head}")
    for row in rows:
        place, _, port = row.split()[3].rpartition(":")
        if port not in ours | named:
            continue
        print(row, flush=True)
        campaign.counts["ports"] += 1
        named.discard(port)
        if place not in ("127.0.0.1", "[::1]"):
            campaign.fault("wrong", f"not on loopback: {row}")
    if named:
        campaign.fault("wrong", f"nobody listens at {', '.join(sorted(named))}")


@contextlib.contextmanager
def _serve(home: Path) -> Iterator[tuple[int, int]]:
    """Number and port of a process of `ttc serve` that answers by a run's policy."""
    study = small_study(questions=10, budgets=[1, 2], strategies=["majority", "weighted"])
    run_all(home / "warehouse", study)
    port = free_port()
    command = [sys.executable, "-c", SERVE, str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env=environment(home), start_new_session=True)
    try:
        wait_for_server(port, server, "/health")
        yield server.pid, port
    finally:
        server.terminate()
        server.wait(60)


if __name__ == "__main__":
    sys.exit(main())
