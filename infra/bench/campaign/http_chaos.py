"""Asks replicas that misbehave for draws, and compares these with what the model itself draws.

    PYTHONPATH=.:tests/fakes python infra/bench/campaign/http_chaos.py [--n 300] [--seed 0]

Three replicas of a scripted model on loopback; of their requests a fifth each meets a fault: busy,
500, reset, half a body, cut JSON, a draw too few, another model, silence, ids that are no tokens,
counts that cannot be, gzip, JSON that nests without end, 204, 404, a redirect. A trial is one
request. Counted are draws that are missing, doubled or other than the model's, and requests that
took longer than LONGEST. A request that got no reply while others had the cores is asked again.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter

from trials import Campaign, conduct, worked_and_waited

# After the frame, which names the folder of fakes.
from faulty_server import FAULTS, MODEL, PROMPT, FaultyServer, server  # isort: skip
from replies import all_of
from scripts import FORMAT, WHOLE
from spoiled_replies import ANSWERS, SPOILED

from tasks.engines.http_generator import HttpGenerator
from tasks.engines.replica import Limits
from tasks.engines.scripted import ScriptedEngine
from warehouse.errors import UserError

AT_ONCE = 100
SHARE = 0.2
LONGEST = 120.0
LIMITS = Limits(backoff=0.002, longest=0.05, total=10.0, at_once=32)
KINDS = (*FAULTS, *SPOILED, *ANSWERS, "bomb")
TOKENS = 128
"""That the scripted model has: what an id must be below to be one."""
WANTED = 4
"""Draws of a request."""


def main(argv: list[str] | None = None) -> int:
    """As trials.conduct."""
    return conduct(argv, __doc__, lambda campaign: asyncio.run(chaos(campaign)), n=300)


async def chaos(campaign: Campaign) -> None:
    """Requests by the hundred, until there are enough."""
    replicas = [_replica(campaign) for _ in range(3)]
    for one in replicas:
        await one.__aenter__()
    urls = [one.url for one in replicas]
    engine = HttpGenerator(urls, MODEL, FORMAT, limits=LIMITS, outputs=TOKENS)
    direct = ScriptedEngine(FORMAT, replicas[0].law)
    while campaign.goes_on():
        first = campaign.counts["tried"]
        batch = range(first, min(first + AT_ONCE, campaign.options.n))
        await asyncio.gather(*(_ask(campaign, engine, direct, number) for number in batch))
        campaign.counts["tried"] += len(batch)
    await engine.close()
    met = sum((one.met for one in replicas), start=Counter[str]())
    campaign.note(met=dict(met))
    for one in replicas:
        await one.__aexit__()


def _replica(campaign: Campaign) -> FaultyServer:
    made = server(faulty=SHARE, faults=KINDS)
    made._random.seed(campaign.rng.random())
    return made


async def _ask(
    campaign: Campaign, engine: HttpGenerator, direct: ScriptedEngine, number: int
) -> None:
    """One request, beside the same of the model itself."""
    seed = 1000 * number
    started, before = time.monotonic(), _waited()
    drawn: Counter[int] = Counter()
    got = {}
    try:
        async for reply in engine.draw(PROMPT, WANTED, sampling=WHOLE, seed=seed):
            drawn.update(reply.draws.keys())
            got |= reply.draws
    except UserError as error:
        # Time-outs are short, and go by the clock; whether this process had a core they do not ask.
        if _waited() - before > (time.monotonic() - started) / 2:
            campaign.counts["asked again, without a core"] += 1
            await _ask(campaign, engine, direct, number)
            return
        campaign.fault("lost", f"request {number}: {error}", WANTED - len(got))
        return
    except Exception as error:
        campaign.fault("tracebacks", f"request {number}: {type(error).__name__}: {error}")
        return
    seconds = time.monotonic() - started - (_waited() - before)
    if seconds > LONGEST:
        campaign.fault("hung", f"request {number} took {seconds:.0f} s")
    alone = (await all_of(direct.draw(PROMPT, WANTED, sampling=WHOLE, seed=seed))).draws
    if lost := WANTED - len(got):
        campaign.fault("lost", f"request {number}: {lost} draws", lost)
    if doubled := drawn.total() - len(drawn):
        campaign.fault("doubled", f"request {number}: {doubled} draws", doubled)
    wrong = [child for child, draw in got.items() if draw != alone[child]]
    if wrong:
        campaign.fault("wrong", f"request {number}: children {wrong}", len(wrong))


def _waited() -> float:
    """Seconds in which this process could have worked and others had the cores."""
    return worked_and_waited(os.getpid())[1]


if __name__ == "__main__":
    sys.exit(main())
