"""A scripted engine and verifier at array speed: what they cost is small beside what is measured.

A completion is so many steps of 40 tokens, cut from pre-made ones by seed; the last says an answer.
The engine has as many slots as vLLM's batch: a child takes one for as many turns as it has steps,
and is answered when it ends. One turn of the event loop is the time in which a step is written.
"""

from __future__ import annotations

import asyncio
import random
import time
from array import array
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from infra.bench.made_math import solution
from infra.bench.night_study import STEP
from tasks.models.version import Model
from tasks.protocols import Draw, Reply, Sampling, StepScore
from tasks.runs.run import Run

SLOTS = 256
"""Children that are written at once, as vLLM's `max_num_seqs`."""
_BANK = 2_048
"""Different steps: their texts and token ids are made before the clock starts."""
_ENDINGS = 16
"""Different last steps of a question and answer."""

Hashes = NDArray[np.uint64]


class Piece(NamedTuple):
    """A step that can be written: its token ids, text, and what the verifier thinks of it."""

    token_ids: array[int]
    text: str
    quality: float


class Bank(NamedTuple):
    """All that can be written."""

    steps: list[Piece]
    endings: list[list[list[Piece]]]
    """By question and answer, the target first."""
    chances: list[float]
    """Of a right answer, by question."""


def make_bank(run: Run, answers: Sequence[Sequence[str]], *, seed: int = 0) -> Bank:
    """Steps and endings in the tokens of the run's format."""
    rng = random.Random(seed)
    encode = run.format.tokenizer.encode
    prose = encode("".join(solution(rng, 1) for _ in range(_BANK)))
    # As Qwen writes it: the full stop and the blank line are one token, or two.
    separator = encode(".\n\n")
    body = STEP - len(separator)
    steps = [_piece(run, prose, n * 7, body, separator, rng.gauss(0, 0.1)) for n in range(_BANK)]
    endings: list[list[list[Piece]]] = []
    for several in answers:
        of_question: list[list[Piece]] = []
        for place, answer in enumerate(several):
            said = encode(f" So the answer is \\boxed{{{answer}}}.")
            room = max(0, STEP - 1 - len(said))
            mean = 0.25 if place == 0 else -0.15
            pieces = [
                _piece(run, prose, rng.randrange(_BANK), room, said, rng.gauss(mean, 0.15))
                for _ in range(_ENDINGS)
            ]
            of_question.append(pieces)
        endings.append(of_question)
    return Bank(steps, endings, [rng.random() ** 1.5 for _ in answers])


def _piece(
    run: Run, prose: list[int], start: int, length: int, tail: list[int], quality: float
) -> Piece:
    offset = start % (len(prose) - STEP)
    token_ids = array("i", [*prose[offset : offset + length], *tail])
    return Piece(token_ids, run.format.steps.text(token_ids), quality)


@dataclass(slots=True)
class _Request:
    """Children of one prefix that are being written."""

    question: int
    """Its place in the benchmark."""
    last: bool
    """Whether the children's last step is the completion's."""
    hashes: Hashes
    """Shape (children, steps): what decides each step."""
    ended: list[int] = field(default_factory=list[int])
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class ArrayEngine:
    """An Engine whose draws depend on seed and length of the prefix alone.

    The sampler's seed depends on the prefix, so that children of two prefixes are different ones.
    """

    def __init__(self, run: Run, bank: Bank, *, steps: int) -> None:
        self._bank = bank
        self._steps = steps
        prompts = [run.format.prompt(question) for question in run.benchmark.questions]
        self._head = min(len(prompt) for prompt in prompts)
        self._prompts = {
            tuple(prompt[: self._head]): (place, len(prompt))
            for place, prompt in enumerate(prompts)
        }
        if len(self._prompts) < len(prompts):
            raise ValueError("expected prompts that differ in their first tokens; change the file")
        self._waiting: deque[tuple[_Request, int]] = deque()
        self._ends: defaultdict[int, list[tuple[_Request, int]]] = defaultdict(list)
        self._active = 0
        self._turn = 0
        self._pump: asyncio.Task[None] | None = None
        self.generated_tokens = 0
        self.children = 0
        self.requests = 0
        self.cpu = 0.0
        """CPU seconds of this engine's own work, by its thread's clock."""

    async def draw(
        self, prefix: Sequence[int], n: int, *, sampling: Sampling, seed: int
    ) -> AsyncGenerator[Reply]:
        """n children; child i depends on seed + i and on how many steps the prefix has."""
        request = self._open(prefix, n, sampling, seed)
        left = n
        while left:
            await request.woken.wait()
            request.woken.clear()
            draws = self._written(request)
            # The request is borne by those that end first.
            first = left == n
            left -= len(draws)
            yield Reply(draws, len(prefix) if first else 0, 0, int(first))

    def _open(self, prefix: Sequence[int], n: int, sampling: Sampling, seed: int) -> _Request:
        started = time.thread_time()
        question, prompt = self._prompts[tuple(prefix[: self._head])]
        left = self._steps - (len(prefix) - prompt) // STEP
        steps = left if sampling.until == "end" else 1
        seeds = np.arange(seed, seed + n, dtype=np.uint64)
        places = np.arange(1, steps + 1, dtype=np.uint64)
        hashes = _mix(seeds[:, None] + (places << np.uint64(48))[None, :])
        request = _Request(question, steps == left, hashes)
        self._waiting.extend((request, place) for place in range(n))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.ensure_future(self._turns())
        self.requests += 1
        self.children += n
        self.cpu += time.thread_time() - started
        return request

    async def _turns(self) -> None:
        while self._waiting or self._active:
            await asyncio.sleep(0)
            started = time.thread_time()
            self._turn += 1
            for request, place in self._ends.pop(self._turn, ()):
                self._active -= 1
                request.ended.append(place)
                request.woken.set()
            while self._waiting and self._active < SLOTS:
                request, place = self._waiting.popleft()
                self._active += 1
                self._ends[self._turn + request.hashes.shape[1]].append((request, place))
            self.cpu += time.thread_time() - started

    def _written(self, request: _Request) -> dict[int, Draw]:
        """The children that ended since the last time, by place."""
        started = time.thread_time()
        draws = {place: self._draw(request, place) for place in request.ended}
        request.ended.clear()
        self.generated_tokens += sum(int(draw.tokens) for draw in draws.values())
        self.cpu += time.thread_time() - started
        return draws

    def _draw(self, request: _Request, place: int) -> Draw:
        row = request.hashes[place]
        chosen = (row % np.uint64(_BANK)).tolist()
        pieces = [self._bank.steps[number] for number in chosen]
        if request.last:
            pieces[-1] = self._ending(request.question, int(row[-1]))
        token_ids = array("i")
        for piece in pieces:
            token_ids.extend(piece.token_ids)
        text = "".join([piece.text for piece in pieces])
        # The end of text is paid for and not kept, as of a model.
        tokens = len(token_ids) + request.last
        return Draw(token_ids, text, "end" if request.last else "step", tokens)

    def _ending(self, question: int, number: int) -> Piece:
        answers = self._bank.endings[question]
        share, rest = divmod(number >> 8, 1 << 16)
        right = (share & 0xFFFF) / (1 << 16) < self._bank.chances[question]
        answer = 0 if right else 1 + rest % (len(answers) - 1)
        return answers[answer][number % _ENDINGS]

    def close(self) -> None:
        """Nothing to end."""


def _mix(numbers: Hashes) -> Hashes:
    """Well mixed 64-bit numbers: splitmix64 of Steele, Lea and Flood (2014)."""
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


class ArrayVerifier:
    """A Verifier that knows every step by its text."""

    def __init__(self, bank: Bank) -> None:
        self._known = {piece.text: piece.quality for piece in bank.steps}
        for answers in bank.endings:
            for pieces in answers:
                self._known |= {piece.text: piece.quality for piece in pieces}
        self.requests = 0
        self.cpu = 0.0

    async def score(self, question: str, steps: Sequence[str]) -> list[StepScore]:  # noqa: ARG002
        """One score a step: what is thought of it, and a little of what was of those before."""
        await asyncio.sleep(0)
        started = time.thread_time()
        scores: list[StepScore] = []
        mood = 0.0
        for place, step in enumerate(steps, start=1):
            quality = self._known[step]
            scores.append(StepScore(min(1.0, max(0.0, 0.5 + mood + quality)), place * STEP))
            mood = 0.9 * mood + 0.1 * quality
        self.requests += 1
        self.cpu += time.thread_time() - started
        return scores

    def close(self) -> None:
        """Nothing to end."""


class ArrayEngines:
    """Engine and verifier of a run over one bank."""

    def __init__(self, run: Run, answers: Sequence[Sequence[str]], *, steps: int) -> None:
        bank = make_bank(run, answers)
        self.writer = ArrayEngine(run, bank, steps=steps)
        self.judge = ArrayVerifier(bank)

    async def engine(self, _model: Model) -> ArrayEngine:
        return self.writer

    async def verifier(self, _model: Model) -> ArrayVerifier:
        return self.judge

    async def close(self) -> None:
        """Nothing to end."""

    @property
    def cpu(self) -> float:
        """CPU seconds of both."""
        return self.writer.cpu + self.judge.cpu
