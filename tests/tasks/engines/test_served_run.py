"""A whole `ttc run` over real vLLM servers draws what one with the models in its processes draws.

One run with the generator here, one with it behind two servers, of which one is killed midway.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import polars as pl
import pytest
from descendants import descendants
from engine_kinds import GENERATOR, served
from polars.testing import assert_frame_equal
from serving import TTC

from tasks.settings import ROOT
from warehouse.snapshot import Snapshot

pytestmark = pytest.mark.slow

STUDY = """
questions = 12
budgets = [1, 2, 4]
strategies = ["majority", "weighted", "beam_search(m=2)"]
difficulty_draws = 4
probe_draws = 2
generator = { models = ["bundled/congruences-generator"] }
verifier = { model = "bundled/congruences-prm", format = "congruences-prm" }
engine = { dtype = "float32", ENGINE }
"""
SERVED = 'servers = [{ model = "bundled/congruences-generator", name = "generator", urls = %s }]'
NOT_THE_SAME = ("run_id", "drawn_at", "requests", "prompt_tokens", "cached_tokens")
"""Of a draw: who paid when, and what it shared a request or a cache with."""
ANSWERED = "vllm:request_success_total"
KEY = ["model_fingerprint", "prefix_key", "sampling_key", "replicate", "child"]


class Night:
    """`ttc run` in a state folder of its own, its generator behind these addresses, if any."""

    def __init__(self, home: Path, *urls: str) -> None:
        home.mkdir()
        self.home = home
        servers = SERVED % [*urls] if urls else ""
        text = STUDY.replace(", ENGINE", f", {servers}" if urls else "")
        (home / "small.toml").write_text(text)
        unset = ("PREFECT_", "TTC_")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(unset)}
        self._log = (home / "output").open("w")
        self._command = subprocess.Popen(
            [*TTC, "run", str(home / "small.toml")],
            cwd=ROOT,
            env=environment | {"TTC_HOME": str(home)},
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    @property
    def goes_on(self) -> bool:
        return self._command.poll() is None

    def ended_well(self) -> Night:
        code = self._command.wait(600)
        assert code == 0, (self.home / "output").read_text()[-3_000:]
        return self

    def rows(self, table: str) -> pl.DataFrame:
        return Snapshot(self.home / "warehouse").read(f"FROM {table}")

    def draws(self) -> pl.DataFrame:
        return self.rows("draws").drop(NOT_THE_SAME).sort(KEY)

    def journalled(self) -> pl.DataFrame:
        """The keys of every draw as it was written down, before the same one would count once."""
        files = (self.home / "warehouse" / "journal" / "draws").glob("*.parquet")
        return pl.concat([pl.read_parquet(file, columns=KEY) for file in files])


def answered(root: str) -> float:
    """Requests that a server of vLLM's has answered."""
    lines = httpx.get(f"{root}/metrics").text.splitlines()
    return sum(float(one.split()[-1]) for one in lines if one.startswith(ANSWERED))


def kill(root: str) -> None:
    """SIGKILL for the server at an address and all its processes, as when a machine goes."""
    port = root.rsplit(":", 1)[1]
    (server, *_) = [one for one, words in descendants() if f"--port {port}" in words]
    for one, _ in [(server, ""), *descendants(server.pid)]:
        one.kill()


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Night]:
    """A run with its generator in process, and one behind two servers that lost one of them."""
    return asyncio.run(_nights(tmp_path_factory.mktemp("served")))


async def _nights(folder: Path) -> dict[str, Night]:
    async with AsyncExitStack() as stack:
        starting = [stack.enter_async_context(served(GENERATOR, "generator")) for _ in range(2)]
        here = Night(folder / "here")
        lasting, lost = await asyncio.gather(*starting)
        await asyncio.to_thread(here.ended_well)
        halved = Night(folder / "halved", f"{lasting}/v1", f"{lost}/v1")
        halved.before_death = await asyncio.to_thread(_kill_midway, halved, lasting, lost)
        await asyncio.to_thread(halved.ended_well)
        halved.after_death = answered(lasting)
    return {"here": here, "halved": halved}


def _kill_midway(night: Night, lasting: str, lost: str) -> float:
    """Kill a server that has answered some requests of a run; what the other had answered then."""
    while answered(lost) < 8:
        assert night.goes_on, "the run was over before a server could be killed"
        time.sleep(0.02)
    kill(lost)
    return answered(lasting)


def test_draws_over_http_are_those_of_a_run_in_process(nights) -> None:
    assert_frame_equal(nights["halved"].draws(), nights["here"].draws())
    # Every child is charged for its prompt, whichever of its request bears it.
    prompts = [nights[one].rows("draws")["prompt_tokens"].sum() for one in ("halved", "here")]
    assert prompts[0] == prompts[1]


def test_every_strategy_has_drawn(nights) -> None:
    drawn = nights["here"].draws()
    assert set(drawn["role"]) == {"proposer", "difficulty"}
    assert set(drawn["stop"]) >= {"end", "step"}


MEASURED = ("run_id", "latency_seconds", "engine_seconds")
"""What is of one run alone."""


def test_outcomes_are_the_same(nights) -> None:
    order = ["question_id", "strategy", "budget"]
    here, there = (
        nights[one].rows("outcomes").drop(*MEASURED).sort(order) for one in ("here", "halved")
    )
    assert_frame_equal(there, here)


def test_the_other_server_answers_what_the_killed_one_did_not(nights) -> None:
    assert nights["halved"].after_death > nights["halved"].before_death


def test_no_draw_is_written_down_twice(nights) -> None:
    written = nights["halved"].journalled()
    assert written.height == nights["here"].draws().height
    assert not written.is_duplicated().any()
