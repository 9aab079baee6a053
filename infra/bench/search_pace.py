"""Why an engine is slower in search than in plain sampling: `PYTHONPATH=. python
infra/bench/search_pace.py [--generator NAME] [--questions N] [--turns N] [--json FILE]`.

Six ways to draw, by turns on one engine of vLLM on CPU in one run: whole completions of which one
request brings 16; whole completions, a request each; first steps, 16 a request; what follows a
prefix of 33 tokens, of which the cache holds all but one, and of 32 tokens, whose last block it may
not use; and beam search. They differ in how many tokens come of a sequence, of a request and of a
prefix token that is computed again. Least squares over all turns say what CPU time the engine takes
for each of these, and so what of the difference between search and plain sampling each of them is.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls  # pyright: ignore[reportMissingTypeStubs]

from infra.bench.room import BUDGET, SEARCH, Room, Used, draw_all, open_room, together
from tasks.asking.plan import plan
from tasks.benchmarks.question import Question
from tasks.draws.sampler import NewDraw
from tasks.draws.scorer import NewScore
from tasks.engines.log import noise_in
from tasks.engines.vllm_process import block_size
from tasks.models.version import Model
from tasks.protocols import Sampling
from tasks.runs.loading import prepare_run
from tasks.study.reading import load_study

LARGE = "bundled/congruences-large"
CAUSES = ("generated tokens", "sequences", "requests", "prefix tokens again")
PREFIX = 32
"""Tokens, whole blocks of the prefix cache whatever the machine's are."""
APART = 1_000
"""Replicates of single draws: those of fresh rooms stay below."""


@dataclasses.dataclass(slots=True)
class Work:
    """What an engine was asked to do, by cause of its cost."""

    tokens: float = 0
    sequences: int = 0
    requests: int = 0
    computed: float = 0
    """Prefix tokens that were computed again: the cache holds whole blocks alone."""

    def draw(self, _model: Model, new: NewDraw, /) -> None:
        self.count(new.draw.tokens, new.requests, int(new.parent.length))

    def count(self, tokens: float, requests: int, prefix: int) -> None:
        """One sequence after a prefix of so many tokens."""
        self.tokens += tokens
        self.sequences += 1
        self.requests += requests
        # The last token is always computed: what follows it is asked for.
        self.computed += prefix - block_size() * ((prefix - 1) // block_size())

    def score(self, _verifier: Model, new: NewScore, /) -> None:
        """Another engine's work."""

    @property
    def causes(self) -> list[float]:
        return [self.tokens, self.sequences, self.requests, self.computed]


class Turn(NamedTuple):
    """One way to draw, once: what was asked and what it took."""

    way: str
    work: Work
    used: Used


Way = Callable[[Room, Work, Sequence[Question]], Awaitable[None]]


async def several(room: Room, work: Work, questions: Sequence[Question]) -> None:
    """16 whole completions of a question by one request."""
    await _children(room, work, questions, plan(room.run).samplings.whole, BUDGET)


async def steps(room: Room, work: Work, questions: Sequence[Question]) -> None:
    """16 first steps of a question by one request."""
    await _children(room, work, questions, plan(room.run).samplings.step, BUDGET)


async def single(room: Room, work: Work, questions: Sequence[Question]) -> None:
    """16 whole completions of a question, a request each."""
    asking = room.fresh(records=work)
    sampling = plan(room.run).samplings.whole
    first = APART * (1 + next(room.replicates))
    await asyncio.gather(
        *(
            asking.proposing.sampler.children(
                asking.root(question), 1, sampling=sampling, replicate=first + place
            )
            for question in questions
            for place in range(BUDGET)
        )
    )


async def _after(room: Room, work: Work, questions: Sequence[Question], length: int) -> None:
    """What follows the first tokens of the prompt and a completion, 16 a request."""
    engine = room.writers[room.run.generator.fingerprint]
    samplings, turn = plan(room.run).samplings, next(room.replicates)

    async def draw(place: int, question: Question) -> None:
        prompt = list(room.run.format.prompt(question))
        # The same prefix in both ways and every turn; the one completion counts as work too.
        (one,) = await draw_all(engine, prompt, 1, sampling=samplings.whole, seed=place)
        prefix = [*prompt, *one.ids][:length]
        drawing = draw_all(
            engine, prefix, BUDGET, sampling=samplings.step, seed=APART * (1 + turn) + place
        )
        work.count(one.tokens, 1, len(prompt))
        for nth, drawn in enumerate(await drawing):
            work.count(drawn.tokens, int(nth == 0), len(prefix))

    await asyncio.gather(*(draw(place, question) for place, question in enumerate(questions)))


async def known_prefix(room: Room, work: Work, questions: Sequence[Question]) -> None:
    """After a prefix of which one token is computed again."""
    await _after(room, work, questions, PREFIX + 1)


async def unknown_prefix(room: Room, work: Work, questions: Sequence[Question]) -> None:
    """After a prefix of which a whole block is."""
    await _after(room, work, questions, PREFIX)


async def search(room: Room, work: Work, questions: Sequence[Question]) -> None:
    """Beam search at the same budget, as a run does it."""
    await together(room.fresh(records=work), questions)


async def _children(
    room: Room, work: Work, questions: Sequence[Question], sampling: Sampling, n: int
) -> None:
    asking = room.fresh(records=work)
    replicate = asking.plan.replicate
    await asyncio.gather(
        *(
            asking.proposing.sampler.children(
                asking.root(question), n, sampling=sampling, replicate=replicate
            )
            for question in questions
        )
    )


WAYS: dict[str, Way] = {
    "16 a request": several,
    "1 a request": single,
    "first steps": steps,
    "after 33": known_prefix,
    "after 32": unknown_prefix,
    "search": search,
}


async def measure(generator: str, questions: int, turns: int) -> list[Turn]:
    """Every way by turns, after one that nobody counts."""
    study = load_study("nightly", max_budget=BUDGET)
    study = dataclasses.replace(
        study,
        name="search-pace",
        questions=questions,
        budgets=(BUDGET,),
        strategies=(SEARCH.key, "weighted"),
        revisions=None,
    )
    run = prepare_run(study, generator, run_id="")
    asked = run.benchmark.questions
    found: list[Turn] = []
    async with open_room(run) as room:
        for way in WAYS.values():
            await way(room, Work(), asked[:4])
        for turn in range(turns):
            print(f"turn {turn + 1} of {turns}", file=sys.stderr, flush=True)
            for name, way in WAYS.items():
                work = Work()
                found.append(Turn(name, work, await room.measure(way(room, work, asked))))
    return found


def fit(turns: Sequence[Turn]) -> list[float]:
    """CPU seconds of the engine for one of each cause, none below zero."""
    wanted = np.array([turn.used.generator_cpu for turn in turns])
    causes = np.array([turn.work.causes for turn in turns])
    # Each turn counts alike, however much it did.
    prices, _ = nnls(causes / wanted[:, None], np.ones(len(turns)))
    return [float(price) for price in prices]


def show(turns: Sequence[Turn], prices: Sequence[float]) -> dict[str, float]:
    """Print what was measured; the paces of every way as a share of the first one's."""
    heads = ("tokens", "sequences", "requests", "computed", "CPU s", "tokens/CPU s", "own CPU s")
    print(f"{'way':14}" + "".join(f"{head:>13}" for head in heads))
    paces: dict[str, float] = {}
    for name in WAYS:
        mine = [turn for turn in turns if turn.way == name]
        causes = np.sum([turn.work.causes for turn in mine], axis=0)
        cpu = sum(turn.used.generator_cpu for turn in mine)
        own = sum(turn.used.own_cpu for turn in mine)
        paces[name] = float(causes[0]) / cpu
        counts = "".join(f"{int(cause):13,}" for cause in causes)
        print(f"{name:14}{counts}{cpu:13.1f}{paces[name]:13,.0f}{own:13.1f}")
    print("\nCPU of the engine, microseconds a generated token, by cause")
    print(f"{'way':14}" + "".join(f"{cause:>24}" for cause in CAUSES) + f"{'else':>8}")
    for name in WAYS:
        mine = [turn for turn in turns if turn.way == name]
        causes = np.sum([turn.work.causes for turn in mine], axis=0)
        shares = causes * np.array(prices) / causes[0] * 1e6
        rest = 1e6 / paces[name] - shares.sum()
        print(f"{name:14}" + "".join(f"{share:24.1f}" for share in shares) + f"{rest:8.1f}")
    plainly = paces["16 a request"]
    ratios = {name: pace / plainly for name, pace in paces.items()}
    print("\npace to that of 16 a request: " + ", ".join(f"{k} {v:.3f}" for k, v in ratios.items()))
    return ratios


def main() -> None:
    """Measure and say what the difference is made of."""
    parser = argparse.ArgumentParser(description="Why search is slower than plain sampling.")
    parser.add_argument("--generator", default=LARGE)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name, noise_in(Path(name) / "engine.log"):
        turns = asyncio.run(measure(options.generator, options.questions, options.turns))
    prices = fit(turns)
    print(f"{options.generator}, {options.questions} questions, {options.turns} turns", end=", ")
    print(f"blocks of {block_size()}", end=", ")
    print(f"{os.cpu_count()} cores, load {load:.1f} before and {os.getloadavg()[0]:.1f} after\n")
    ratios = show(turns, prices)
    if options.json:
        report = {
            "generator": options.generator,
            "ratios": ratios,
            "seconds of one": dict(zip(CAUSES, prices, strict=True)),
            "turns": [[turn.way, turn.work.causes, turn.used._asdict()] for turn in turns],
        }
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
