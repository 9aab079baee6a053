"""How the bundled language models learn: documents with labels, optimizers, schedule, states.

Muon on the layers' matrices, AdamW on the rest, warm-up, constant rate, linear decay.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from tasks.benchmarks.congruences import PAD
from tasks.training.cards import Figures
from tasks.training.tokenizer import Ids, token_ids

IGNORED = -100
"""The label that torch's cross-entropy and transformers leave out."""
BUFFER = 16
"""Batches that are drawn at once, to put documents of like length together."""
RECENT = 100
"""Steps whose mean loss stands on the card."""


class Document(NamedTuple):
    """Ids, and for each place the id to be predicted after it, or IGNORED for no loss.

    A label need not be the next id: after an attempt's last digit the label is the end token, while
    the document goes on with the next attempt.
    """

    ids: Ids
    labels: Ids


Source = Callable[[random.Random], Iterator[Document]]
"""Where documents come from: endless ones, from a generator of random numbers."""


class Part(NamedTuple):
    """A stretch of training, after which a state is saved."""

    tokens: int
    documents: Source


def cut_parts(tokens: int, count: int, documents: Source) -> list[Part]:
    """A stretch of so many tokens in `count` parts of one size."""
    part = Part(tokens // count, documents)
    return [part] * count


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a recipe learns."""

    batch: int = 48
    """Documents."""
    warmup: int = 100
    """Steps until the peak rates."""
    decay_share: float = 0.4
    """Share of the tokens, the last ones, over which the rates fall to zero."""
    muon_rate: float = 0.01
    """Peak learning rate of the layers' matrices."""
    adam_rate: float = 2e-3
    """Peak learning rate of everything else."""
    bf16: bool = True
    """Learn in half precision."""


def completion(prompt: Ids, text: Ids) -> Document:
    """A prompt and what follows it, its end token too; loss on what follows only."""
    # The prompt's last place already predicts: hence one place less without a loss.
    labels = [IGNORED] * (len(prompt) - 1) + text
    return Document(prompt + text[:-1], labels)


def batches(
    source: Iterator[Document], rng: random.Random, *, size: int
) -> Iterator[list[Document]]:
    """Endless batches of documents of like length: BUFFER batches are drawn, sorted and cut."""
    while True:
        drawn = [next(source) for _ in range(BUFFER * size)]
        drawn.sort(key=lambda document: len(document.ids))
        starts = range(0, len(drawn), size)
        cut = [drawn[start : start + size] for start in starts]
        # Else a model would learn from short documents first, again and again.
        rng.shuffle(cut)
        yield from cut


def pad_batch(batch: list[Document]) -> tuple[Tensor, Tensor]:
    """Ids and labels, both (batch, longest), padded on the right."""
    longest = max(len(document.ids) for document in batch)
    shape = (len(batch), longest)
    ids = torch.full(shape, token_ids()[PAD])
    labels = torch.full(shape, IGNORED)
    for row, document in enumerate(batch):
        length = len(document.ids)
        ids[row, :length] = torch.tensor(document.ids)
        labels[row, :length] = torch.tensor(document.labels)
    return ids, labels


def next_token_loss(
    model: LlamaForCausalLM, batch: list[Document], *, bf16: bool
) -> tuple[Tensor, float]:
    """Mean cross-entropy over the labelled places, and their number."""
    ids, labels = pad_batch(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        logits = model(input_ids=ids, use_cache=False).logits
    # The loss itself in single precision: bfloat16 has three digits.
    rows = logits.float().flatten(0, 1)
    loss = nn.functional.cross_entropy(rows, labels.flatten(), ignore_index=IGNORED)
    return loss, float((labels != IGNORED).sum())


State = dict[str, object]


class Optimizers:
    """Muon for the layers' matrices and AdamW for embeddings and norms, on one schedule."""

    def __init__(self, model: nn.Module, pace: Pace) -> None:
        # Muon makes an update's singular values alike, which is meant for matrices that map hidden
        # states to hidden states: not for norms, and not for embeddings, whose rows are tokens.
        matrices: list[nn.Parameter] = []
        rest: list[nn.Parameter] = []
        for name, weight in model.named_parameters():
            is_matrix = weight.ndim == 2 and ".layers." in name
            (matrices if is_matrix else rest).append(weight)
        self.each = (
            torch.optim.Muon(matrices, lr=pace.muon_rate, momentum=0.95, weight_decay=0.0),
            torch.optim.AdamW(rest, lr=pace.adam_rate, betas=(0.9, 0.98), weight_decay=0.0),
        )
        self.peaks = (pace.muon_rate, pace.adam_rate)

    def step(self, factor: float) -> None:
        """One update at `factor` times the peak rates."""
        for optimizer, peak in zip(self.each, self.peaks, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = peak * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state_dict(self) -> list[State]:
        """Muon's and AdamW's states, in this order."""
        return [optimizer.state_dict() for optimizer in self.each]

    def load_state_dict(self, states: list[State]) -> None:
        """Take up what `state_dict` gave."""
        for optimizer, state in zip(self.each, states, strict=True):
            optimizer.load_state_dict(state)


@dataclass(slots=True)
class Training:
    """The state of one training run over `total` tokens."""

    model: LlamaForCausalLM
    optimizers: Optimizers
    pace: Pace
    total: int
    steps: int = 0
    tokens: int = 0
    """Learnt from so far; the last batch may go past `total`."""
    losses: list[float] = field(default_factory=list)
    """Of every step."""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0

    def rate(self) -> float:
        """Share of the peak learning rate: warm-up, constant, linear decay to zero at the end."""
        warmed = (self.steps + 1) / self.pace.warmup
        # The last batch may go past the total: a rate is never negative.
        left = max(self.total - self.tokens, 0)
        decayed = left / (self.total * self.pace.decay_share)
        return min(1.0, warmed, decayed)

    def learn(self, batch: list[Document]) -> None:
        """One optimizer step on a batch."""
        loss, _ = next_token_loss(self.model, batch, bf16=self.pace.bf16)
        loss.backward()
        self.optimizers.step(self.rate())
        self.steps += 1
        # A document's ids lack its last token, which is a label only.
        self.tokens += sum(len(document.ids) + 1 for document in batch)
        self.losses.append(loss.item())

    def figures(self) -> Figures:
        """What the card says of the run."""
        recent = self.losses[-RECENT:]
        return {
            "tokens_seen": self.tokens,
            "steps": self.steps,
            "final_loss": sum(recent) / len(recent),
            "wall_seconds": round(self.wall_seconds, 1),
            "cpu_seconds": round(self.cpu_seconds, 1),
        }


def run_parts(
    model: LlamaForCausalLM, parts: list[Part], *, pace: Pace, seed: int, states: Path | None
) -> Training:
    """The training of a model through all parts.

    A state file is written after each part, and read in place of training where it exists.
    """
    total = sum(part.tokens for part in parts)
    training = Training(model, Optimizers(model, pace), pace, total)
    goal = 0
    for number, part in enumerate(parts):
        goal += part.tokens
        # A text of its own for every part: an interrupted training goes on with the same text.
        rng = random.Random(f"text/{seed}/{number}")
        run = partial(_run_part, training, rng, part=part, goal=goal)
        if states is None:
            run()
        else:
            _run_or_load(run, training, states / f"part-{number}.pt")
    return training


def _run_or_load(run: Callable[[], None], training: Training, state: Path) -> None:
    if state.exists():
        _load(training, state)
    else:
        run()
        _save(training, state)


def _run_part(
    training: Training, rng: random.Random, *, part: Part, goal: int, log_every: int = 200
) -> None:
    wall = time.time()
    cpu = time.process_time()
    # One generator for documents and for the order of batches.
    source = batches(part.documents(rng), rng, size=training.pace.batch)
    while training.tokens < goal:
        training.learn(next(source))
        if training.steps % log_every == 0:
            _print_progress(training, log_every)
    training.wall_seconds += time.time() - wall
    training.cpu_seconds += time.process_time() - cpu


def _print_progress(training: Training, steps: int) -> None:
    recent = training.losses[-steps:]
    loss = sum(recent) / len(recent)
    millions = training.tokens / 1e6
    print(f"{millions:.2f} M tokens, loss {loss:.4f}", flush=True)


_COUNTERS = ("steps", "tokens", "losses", "wall_seconds", "cpu_seconds")


def _save(training: Training, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    states = {
        "model": training.model.state_dict(),
        # Their momenta too: without them the loss would jump where a training goes on.
        "optimizers": training.optimizers.state_dict(),
    }
    counters = {name: getattr(training, name) for name in _COUNTERS}
    # Renamed when whole: a training killed here must not be taken up from half a file.
    unfinished = path.with_suffix(".part")
    torch.save(states | counters, unfinished)
    unfinished.rename(path)


def _load(training: Training, path: Path) -> None:
    states = torch.load(path)
    training.model.load_state_dict(states["model"])
    training.optimizers.load_state_dict(states["optimizers"])
    for name in _COUNTERS:
        setattr(training, name, states[name])
