"""What a web page, or another user of the machine, gets from the servers of `ttc up`: nothing.

Each way once made a deployment whose first step is a shell command, and the worker ran it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from serving import Up

from flows.servers.password import CLIENT, SERVER, path_of
from flows.servers.processes import POOL
from tasks.settings import ROOT

pytestmark = pytest.mark.slow

EVIL = "http://evil.example"
# A page may send this kind without asking first: browsers ask before they send JSON.
PLAIN = {"Content-Type": "text/plain"}
REBOUND = "evil.example:4200"


def post(client: httpx.Client, path: str, content: object) -> httpx.Response:
    """The answer; a server that is busy is asked again, as its own clients do and a page could."""
    deadline = time.monotonic() + 60
    while True:
        answer = client.post(path, json=content)
        if answer.status_code != 503 or time.monotonic() > deadline:
            return answer
        time.sleep(0.5)


def attack(served: Up, headers: dict[str, str], proof: Path) -> list[int]:
    """Statuses of the requests that would have the worker make a file."""
    step = {"prefect.deployments.steps.run_shell_script": {"script": f"touch {proof}"}}
    with httpx.Client(base_url=served.prefect_api, headers=headers, timeout=30) as client:
        flow = post(client, "/flows/", {"name": "attack"})
        named = {
            "name": "attack",
            "flow_id": flow.json().get("id", "0" * 32),
            "work_pool_name": POOL,
            "pull_steps": [step],
            "entrypoint": "flows/nightly.py:nightly",
        }
        deployed = post(client, "/deployments/", named)
        made = deployed.json().get("id", "0" * 32)
        run = post(client, f"/deployments/{made}/create_flow_run", {})
    return [flow.status_code, deployed.status_code, run.status_code]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": EVIL}, 403),
        ({"Origin": EVIL, **PLAIN}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": REBOUND}, 403),
        ({"Host": REBOUND, "Origin": f"http://{REBOUND}"}, 403),
        ({}, 401),
        ({"Authorization": "Basic dHRjOg=="}, 401),
    ],
)
def test_no_stranger_has_a_command_run(
    served: Up, tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    proof = tmp_path / "proof"
    assert set(attack(served, headers, proof)) == {status}
    found = served.client().post("/deployments/filter", json={}).raise_for_status().json()
    assert "attack" not in {one["name"] for one in found}
    assert not proof.exists()


def test_who_knows_the_password_is_answered_so_that_the_attack_is_one(
    served: Up, tmp_path: Path
) -> None:
    proof = tmp_path / "proof"
    known = httpx.BasicAuth(*path_of(served.home).read_text().strip().split(":"))
    signed = next(known.auth_flow(httpx.Request("GET", served.prefect_api)))
    assert set(attack(served, {"Authorization": signed.headers["Authorization"]}, proof)) == {201}
    deadline = time.monotonic() + 120
    while not proof.exists():
        assert time.monotonic() < deadline, "the worker did not run the step"
        time.sleep(0.5)


def test_a_page_of_another_site_is_told_nothing_by_either_server(served: Up) -> None:
    for address in (f"{served.prefect_api}/health", f"{served.mlflow_uri}/"):
        assert httpx.get(address).status_code == 200
        # Answered or not, a browser hands the page nothing that does not name its origin here.
        foreign = httpx.get(address, headers={"Origin": EVIL})
        assert foreign.headers.get("access-control-allow-origin") not in ("*", EVIL)
        assert httpx.get(address, headers={"Host": REBOUND}).status_code == 403


def test_mlflow_takes_nothing_from_another_site(served: Up) -> None:
    address = f"{served.mlflow_uri}/api/2.0/mlflow/experiments/create"
    wanted = {"name": "attack"}
    for headers in ({"Origin": EVIL}, {"Host": REBOUND}, {"Host": "10.evil.example"}):
        assert httpx.post(address, json=wanted, headers=headers).status_code == 403
    assert httpx.post(address, json=wanted).status_code == 200


ALONE = """
import httpx
from flows.servers import quiet
quiet.set_quiet_defaults()
with quiet.prefect():
    from prefect import flow, get_client

    @flow
    def ask():
        with get_client(sync_client=True) as client:
            address = str(client.api_url).rstrip("/") + "/flows/"
        for headers in ({}, {"Origin": "http://evil.example"}):
            answer = httpx.post(address, json={"name": "attack"}, headers=headers)
            print(answer.status_code, answer.headers.get("access-control-allow-origin"))
        return "own flow ran"

    print(ask())
"""


def test_the_server_of_a_single_command_is_closed_too(tmp_path: Path) -> None:
    named = ("PREFECT_API_URL", "TTC_PREFECT_API", CLIENT, SERVER)
    environment = {name: value for name, value in os.environ.items() if name not in named}
    environment["TTC_HOME"] = str(tmp_path)
    command = [sys.executable, "-c", ALONE]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.splitlines() == ["401 None", "401 None", "own flow ran"]
