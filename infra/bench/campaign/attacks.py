"""Asks `ttc up` and `ttc serve` as strangers would, with curl; prints each line and its status.

    PYTHONPATH=.:tests/fakes python infra/bench/campaign/attacks.py [--n 24]

Both run for real, on free ports of loopback; the endpoint answers by a scripted engine. Strangers
are pages of other sites (Origin), names that point here (Host), users without the password, and
bodies that are too large, cut or no text. A trial is a request. Counted as wrong is one that gets
another status than is promised, and a port of ours that listens elsewhere than on loopback; as hung
one that takes longer than LONGEST.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from trials import Campaign, conduct

# After the frame, which names the folder of fakes.
from scripted_runs import ScriptedEngines, run_all, small_study  # isort: skip
from serving import free_port, up_in

from flows.servers.password import path_of

LONGEST = 60
EVIL = "http://evil.example"
FLOW = json.dumps({"name": "attack"})
CHAT = json.dumps({"messages": [{"role": "user", "content": "3"}], "budget": 1})
LONE = CHAT.replace('"3"', '"\\ud800"')


class Attack(NamedTuple):
    """Words for curl, and the status that the request must get."""

    server: str
    path: str
    status: int
    words: tuple[str, ...] = ()


def _post(body: str, *headers: str, kind: str = "application/json") -> tuple[str, ...]:
    named = [word for header in (f"Content-Type: {kind}", *headers) for word in ("-H", header)]
    return ("-X", "POST", *named, "--data-binary", body)


def _attacks(large: Path) -> list[Attack]:
    """`large`: a file of more bytes than a body may have."""
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
        Attack("serve", chat, 200, _post(CHAT)),
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
    with up_in(campaign.folder / "up") as up, _serve(campaign.folder / "serve") as port:
        addresses = {
            "prefect": up.prefect_api.removesuffix("/api"),
            "mlflow": up.mlflow_uri,
            "serve": f"http://127.0.0.1:{port}",
        }
        ports = [address.rpartition(":")[2] for address in addresses.values()]
        for line in _listening(ports):
            print(line)
            if not line.split()[3].startswith(("127.0.0.1:", "[::1]:")):
                campaign.fault("wrong", f"not on loopback: {line}")
        left = _attacks(large)
        known = f"user = {path_of(up.home).read_text().strip()}"
        (campaign.folder / "known").write_text(known)
        with_password = ("-K", str(campaign.folder / "known"), *_post(FLOW))
        left.append(Attack("prefect", "/api/flows/", 201, with_password))
        for number in campaign.tries():
            if number == len(left):
                return
            _ask(campaign, left[number], addresses[left[number].server])


def _ask(campaign: Campaign, one: Attack, address: str) -> None:
    words = ("curl", "-s", "-o", "/dev/null", "-m", str(LONGEST), *one.words, address + one.path)
    shown = shlex.join(word if len(word) < 200 else f"{word[:20]}…" for word in words)
    done = subprocess.run(
        [*words, "-w", "%{http_code}"], capture_output=True, text=True, check=False
    )
    print(f"{done.stdout}  {shown}", flush=True)
    if done.returncode == 28:
        campaign.fault("hung", shown)
    elif done.stdout != str(one.status):
        campaign.fault("wrong", f"expected {one.status}, got {done.stdout}: {shown}")


def _listening(ports: list[str]) -> list[str]:
    """Lines of `ss -ltn` about these ports."""
    said = subprocess.run(["ss", "-ltn"], capture_output=True, text=True, check=True).stdout
    rows = said.splitlines()[1:]
    return [row for row in rows if row.split()[3].rpartition(":")[2] in ports]


@contextlib.contextmanager
def _serve(home: Path) -> Iterator[str]:
    """The port of the endpoint of `ttc serve`, behind which stands a scripted engine."""
    import uvicorn

    from flows.answers.application import application
    from flows.servers.visitors import own_hosts
    from tasks.serving.solver import open_solver

    folder = home / "warehouse"
    study = small_study(questions=10, budgets=[1, 2], strategies=["majority", "weighted"])
    run_id = run_all(folder, study)
    port = int(free_port())
    app = application(
        lambda: open_solver(folder, run_id, engines=ScriptedEngines),
        hosts=own_hosts("127.0.0.1", port, ""),
        seconds=60.0,
    )
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started and time.monotonic() < until:
        time.sleep(0.1)
    try:
        yield str(port)
    finally:
        server.should_exit = True
        thread.join(30)


if __name__ == "__main__":
    sys.exit(main())
