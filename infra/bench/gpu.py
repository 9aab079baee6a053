"""The product on one GPU, at most 8 minutes: `PYTHONPATH=. python infra/bench/gpu.py [--dry]`.

Makes a language model and a process reward model of 1.5 B parameters with random weights
(infra/bench/random_models.py), starts the product's own engines on both, and measures a whole sweep
against plain `LLM.generate` of as many tokens, search against plain sampling, memory, the product's
own CPU seconds, and what draws promise. `--dry` does the same with tiny models on a CPU: it shows
that the script works, not how fast anything is. A part that fails says so in the table, and the
others go on: vLLM 0.20 to 0.32 differ. Exit code 1 when one did.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from infra.bench.gpu_beside import (
    generate_plainly,
    greedy_on_cpu,
    machine,
    memory_used,
)
from infra.bench.gpu_plan import (
    CHILDREN,
    DRY,
    REAL,
    SHARE,
    Plan,
    bundled_study,
    make_models,
    study_of,
)
from infra.bench.room import (
    BUDGET,
    Room,
    Used,
    draw_all,
    open_room,
    plain,
    sweep_grid,
    together,
)
from tasks.asking.plan import plan as plan_of
from tasks.engines.log import noise_in
from tasks.protocols import StepScore
from tasks.runs.loading import prepare_run
from tasks.runs.opening import open_run
from tasks.settings import ROOT
from warehouse.store import Store

BUNDLED = "bundled/congruences-generator"


class Figure(NamedTuple):
    """One line of the table."""

    name: str
    value: str
    note: str = ""


@dataclasses.dataclass(slots=True)
class Table:
    """The figures so far; what failed is one of them."""

    figures: list[Figure] = dataclasses.field(default_factory=list[Figure])
    failed: int = 0

    def add(self, name: str, value: str, note: str = "") -> None:
        """One more figure, told at once: a machine may be taken away."""
        self.figures.append(Figure(name, value, note))
        print(f"{name:48}{value:>14}  {note}", flush=True)

    async def part(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """A part whose failure is told and leaves the others alone."""
        started = time.perf_counter()
        try:
            await work()
        except Exception as error:  # whatever a version of vLLM raises
            self.failed += 1
            traceback.print_exc()
            line = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            self.add(name, "FAILED", line[:90])
        print(f"# {name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)


class Cheap:
    """A Verifier that takes no GPU: a score by the length of the last step."""

    async def score(self, question: str, steps: Sequence[str]) -> list[StepScore]:  # noqa: ARG002
        """One score a step, anything in [0, 1] that differs between siblings."""
        await asyncio.sleep(0)
        return [StepScore((len(step) * 7 + hash(step) % 97) % 100 / 100, 1) for step in steps]


class Bench:
    """The measurements, in the order in which they are made."""

    def __init__(self, folder: Path, plan: Plan, table: Table) -> None:
        self.folder = folder
        self.plan = plan
        self.table = table
        self.pace = 0.0
        """Tokens a second of plain sampling through the product."""
        self.judged_pace = 0.0
        """The same of search with the reward model, the slowest part of a sweep."""
        self.sweep: Used | None = None

    async def on_engines(self) -> None:
        """All that needs the product's engines."""
        run = prepare_run(
            study_of(self.folder, self.plan), str(self.folder / "generator"), run_id=""
        )
        before, started = memory_used(), time.perf_counter()
        async with open_room(run) as room:
            self.table.add("seconds to start both engines", f"{time.perf_counter() - started:.0f}")
            used = memory_used()
            if used is not None and before is not None:
                gib = (used - before) / 1024
                self.table.add("GPU memory of both, GiB", f"{gib:.1f}", f"shares of {SHARE} each")
            await self.table.part("plain sampling", lambda: self.plain_sampling(room))
            await self.table.part("search", lambda: self.search(room))
            await self.table.part("draws", lambda: self.draws(room))
            await self.table.part("sweep", lambda: self.whole_sweep(room))

    async def plain_sampling(self, room: Room) -> None:
        """Whole completions through the product, unscored."""
        questions = room.run.benchmark.questions
        await room.measure(plain(room.fresh(), questions[:4], 2))
        used = await room.measure(plain(room.fresh(), questions, CHILDREN))
        self.pace = used.tokens / used.wall
        self.table.add("plain sampling, tokens/s", f"{self.pace:,.0f}", f"{used.tokens:,} tokens")
        self._own("plain sampling", used)

    async def search(self, room: Room) -> None:
        """The same engine in search, with the reward model and with scores that cost nothing."""
        questions = room.run.benchmark.questions
        for name, judged in (("scores for nothing", False), ("the reward model", True)):
            judges = room.judges if judged else dict.fromkeys(room.judges, Cheap())
            asked = dataclasses.replace(room, judges=judges)
            await together(asked.fresh(), questions[:2])
            used = await room.measure(together(asked.fresh(), questions))
            pace = used.tokens / used.wall
            self.judged_pace = pace
            goal = "; goal: 0.80" if not judged else ""
            note = f"beam_search(m=4) at {BUDGET}, {name}{goal}"
            self.table.add("search to plain sampling", f"{pace / self.pace:.3f}", note)
            self._own("search", used)

    async def draws(self, room: Room) -> None:
        """Seeded draws of n children against single draws under the same seeds."""
        format = room.run.format
        sampling = plan_of(room.run).samplings.whole
        engine = room.writers[room.run.generator.fingerprint]
        same = total = 0
        for question in room.run.benchmark.questions[:4]:
            prompt = format.prompt(question)
            several = await draw_all(engine, prompt, 4, sampling=sampling, seed=1_000)
            for place, draw in enumerate(several):
                (alone,) = await draw_all(engine, prompt, 1, sampling=sampling, seed=1_000 + place)
                same += list(draw.ids) == list(alone.ids)
                total += 1
        note = "must be all on CPU; on a GPU kernels may differ with the batch"
        self.table.add("draws of n equal to single ones", f"{same}/{total}", note)

    async def whole_sweep(self, room: Room) -> None:
        """All that the study owes, drawn, scored and recorded, on fresh questions."""
        a_question = 6 * self.plan.budget * self.plan.completion
        fitting = int(self.judged_pace * self.plan.sweep_seconds / a_question)
        questions = min(self.plan.questions, max(10, fitting))
        folder = self.folder / "state" / "warehouse"
        study = study_of(self.folder, self.plan, questions=questions)
        with Store.open(folder) as store:
            run_id = open_run(store, study, study.generator.models[0])
        self.sweep = await room.measure(sweep_grid(room, folder, run_id))
        pace = self.sweep.tokens / self.sweep.wall
        note = f"{questions} questions, {self.sweep.tokens:,} tokens, reward model and journal"
        self.table.add("whole sweep, tokens/s", f"{pace:,.0f}", note)
        self._own("whole sweep", self.sweep)

    def _own(self, name: str, used: Used) -> None:
        a_million = used.own_cpu / used.tokens * 1e6
        self.table.add(f"own CPU s a million tokens, {name}", f"{a_million:.1f}")

    async def plainly(self) -> None:
        """As many tokens by `LLM.generate` in a process of its own, the product's engines ended."""
        tokens = self.sweep.tokens if self.sweep else 20_000
        for how, found in plain_generate(self.folder, self.plan, tokens).items():
            pace = found["tokens"] / found["seconds"]
            note = f"{found['tokens']:,.0f} tokens, {how}, one request of {CHILDREN} a prompt"
            self.table.add("LLM.generate, tokens/s", f"{pace:,.0f}", note)
            self.table.add("plain sampling to LLM.generate", f"{self.pace / pace:.3f}", how)
            if self.sweep:
                ratio = self.sweep.tokens / self.sweep.wall / pace
                goal = "; goal: 0.90" if how == "no seeds" else ""
                self.table.add("whole sweep to LLM.generate", f"{ratio:.3f}", how + goal)

    async def bundled(self) -> None:
        """Greedy completions of the bundled generator: this engine against a forward pass on CPU.

        In 32 bits, where rounding decides nothing: they must be the same on every device.
        """
        study = bundled_study()
        run = prepare_run(study, BUNDLED, run_id="")
        questions = run.benchmark.questions
        async with open_room(run) as room:
            engine = room.writers[run.generator.fingerprint]
            greedy = dataclasses.replace(plan_of(room.run).samplings.whole, temperature=0.0)
            prompts = [run.format.prompt(question) for question in questions]
            drawn = [
                (await draw_all(engine, prompt, 1, sampling=greedy, seed=1))[0]
                for prompt in prompts
            ]
        wanted = greedy_on_cpu(run, prompts)
        pairs = zip(drawn, wanted, strict=True)
        same = sum(list(draw.ids) == ids for draw, ids in pairs)
        note = "greedy completions, engine in float32 against torch on CPU; must be all"
        self.table.add("bundled generator as on CPU", f"{same}/{len(wanted)}", note)


def plain_generate(folder: Path, plan: Plan, tokens: int) -> dict[str, dict[str, float]]:
    """Tokens and seconds of a process that only generates, without and with seeds."""
    said = inside("--plain", str(folder), str(tokens), dry=plan == DRY)
    return json.loads(said.strip().splitlines()[-1])


def inside(*words: str, dry: bool) -> str:
    """What this script says in a process of its own; RuntimeError where it fails."""
    command = [sys.executable, str(Path(__file__).resolve()), *words]
    if dry:
        command.append("--dry")
    # Packages may have come by that path alone, on a machine where nothing can be installed.
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False
    )
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        raise RuntimeError(f"{words[0]}: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    return done.stdout


async def measure(folder: Path, plan: Plan, table: Table) -> None:
    """Everything, in order."""
    bench = Bench(folder, plan, table)
    await table.part("engines", bench.on_engines)
    await table.part("LLM.generate", bench.plainly)
    await table.part("bundled family", bench.bundled)


def main() -> int:
    """Measure and print; 1 when a part failed."""
    parser = argparse.ArgumentParser(description="The product on one GPU.")
    parser.add_argument("--dry", action="store_true", help="tiny models, on a CPU")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    parser.add_argument("--plain", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    plan = DRY if options.dry else REAL
    if options.plain:
        folder, tokens = options.plain
        generate_plainly(Path(folder), int(tokens), plan)
        return 0
    if options.make:
        make_models(options.make, tiny=options.dry)
        return 0
    started, table = time.perf_counter(), Table()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="gpu-") as name:
        folder = Path(name)
        # In a process of its own: what torch takes of the GPU is given back.
        inside("--make", name, dry=options.dry)
        with noise_in(folder / "engine.log"):
            asyncio.run(measure(folder, plan, table))
    table.add("minutes in all", f"{(time.perf_counter() - started) / 60:.1f}", "at most 8")
    if options.json:
        report = {
            "machine": machine(),
            "dry": options.dry,
            "figures": [one._asdict() for one in table.figures],
        }
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return int(table.failed > 0)


if __name__ == "__main__":
    sys.exit(main())
