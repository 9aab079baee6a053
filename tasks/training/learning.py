"""How the bundled language models learn: documents with labels, optimizers, schedule and saved states.

Muon on the layers' matrices, AdamW on the rest, warm-up, constant rate, linear decay.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from tasks.benchmarks.congruences import PAD
from tasks.training.tokenizer import token_ids

IGNORED = -100


class Document(NamedTuple):
    """Ids, and for each place the id to be predicted after it, or IGNORED where there is no loss.

    A label need not be the next id: after an attempt's last digit the label is the end token, while the
    document goes on with the next attempt.
    """

    ids: list[int]
    labels: list[int]


class Part(NamedTuple):
    """A stretch of training: how many tokens, and where its documents come from."""

    tokens: int
    documents: Callable[[random.Random], Iterator[Document]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a recipe learns. Rates are peak learning rates, `batch` counts documents."""

    batch: int = 48
    warmup: int = 100
    decay_share: float = 0.4
    muon_rate: float = 0.01
    adam_rate: float = 2e-3
    bf16: bool = True


def completion(prompt: list[int], text: list[int]) -> Document:
    """A prompt and what follows it, its end token too; loss on what follows only."""
    return Document(prompt + text[:-1], [IGNORED] * (len(prompt) - 1) + text)


def batches(
    source: Iterator[Document], rng: random.Random, *, size: int
) -> Iterator[list[Document]]:
    """Endless batches of documents of like length: 16 batches are drawn, sorted, cut and shuffled."""
    while True:
        drawn = sorted(
            (next(source) for _ in range(16 * size)), key=lambda document: len(document.ids)
        )
        cut = [drawn[start : start + size] for start in range(0, len(drawn), size)]
        rng.shuffle(cut)
        yield from cut


def pad_batch(batch: list[Document]) -> tuple[Tensor, Tensor]:
    """Ids and labels, both (batch, longest), padded on the right."""
    longest = max(len(document.ids) for document in batch)
    ids = torch.full((len(batch), longest), token_ids()[PAD])
    labels = torch.full((len(batch), longest), IGNORED)
    for row, document in enumerate(batch):
        ids[row, : len(document.ids)] = torch.tensor(document.ids)
        labels[row, : len(document.ids)] = torch.tensor(document.labels)
    return ids, labels


def next_token_loss(
    model: LlamaForCausalLM, batch: list[Document], *, bf16: bool
) -> tuple[Tensor, float]:
    """Mean cross-entropy over the labelled places, and their number."""
    ids, labels = pad_batch(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        logits = model(input_ids=ids, use_cache=False).logits
    loss = nn.functional.cross_entropy(
        logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED
    )
    return loss, float((labels != IGNORED).sum())


class Optimizers:
    """Muon for the layers' matrices and AdamW for embeddings and norms, on one schedule."""

    def __init__(self, model: nn.Module, pace: Pace) -> None:
        matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and ".layers." in n]
        chosen = {id(p) for p in matrices}
        rest = [p for p in model.parameters() if id(p) not in chosen]
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

    def state_dict(self) -> list[dict[str, object]]:
        return [optimizer.state_dict() for optimizer in self.each]

    def load_state_dict(self, states: list[dict[str, object]]) -> None:
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
    losses: list[float] = field(default_factory=list)
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0

    def rate(self) -> float:
        """Share of the peak learning rate: warm-up, constant, linear decay to zero at the last token."""
        left = max(self.total - self.tokens, 0) / (self.total * self.pace.decay_share)
        return min(1.0, (self.steps + 1) / self.pace.warmup, left)

    def learn(self, batch: list[Document]) -> None:
        """One optimizer step on a batch."""
        loss, _ = next_token_loss(self.model, batch, bf16=self.pace.bf16)
        loss.backward()
        self.optimizers.step(self.rate())
        self.steps += 1
        self.tokens += sum(len(document.ids) + 1 for document in batch)
        self.losses.append(loss.item())

    def figures(self) -> dict[str, object]:
        """What the card says of the run."""
        return {
            "tokens_seen": self.tokens,
            "steps": self.steps,
            "final_loss": sum(self.losses[-100:]) / len(self.losses[-100:]),
            "wall_seconds": round(self.wall_seconds, 1),
            "cpu_seconds": round(self.cpu_seconds, 1),
        }


def run_parts(
    model: LlamaForCausalLM, parts: list[Part], *, pace: Pace, seed: int, states: Path | None
) -> Training:
    """Train a model through all parts; a state file is written after each part (and read if it exists)."""
    training = Training(model, Optimizers(model, pace), pace, sum(part.tokens for part in parts))
    goal = 0
    for number, part in enumerate(parts):
        goal += part.tokens
        state = None if states is None else states / f"part-{number}.pt"
        if state is not None and state.exists():
            _load(training, state)
            continue
        _run_part(training, random.Random(f"text/{seed}/{number}"), part=part, goal=goal)
        if state is not None:
            _save(training, state)
    return training


def _run_part(
    training: Training, rng: random.Random, *, part: Part, goal: int, log_every: int = 200
) -> None:
    wall, cpu = time.time(), time.process_time()
    source = batches(part.documents(rng), rng, size=training.pace.batch)
    while training.tokens < goal:
        training.learn(next(source))
        if training.steps % log_every == 0:
            recent = training.losses[-log_every:]
            print(
                f"{training.tokens / 1e6:.2f} M tokens, loss {sum(recent) / len(recent):.4f}",
                flush=True,
            )
    training.wall_seconds += time.time() - wall
    training.cpu_seconds += time.process_time() - cpu


_COUNTERS = ("steps", "tokens", "losses", "wall_seconds", "cpu_seconds")


def _save(training: Training, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    states = {"model": training.model.state_dict(), "optimizers": training.optimizers.state_dict()}
    unfinished = path.with_suffix(".part")
    torch.save(states | {name: getattr(training, name) for name in _COUNTERS}, unfinished)
    unfinished.rename(path)


def _load(training: Training, path: Path) -> None:
    states = torch.load(path)
    training.model.load_state_dict(states["model"])
    training.optimizers.load_state_dict(states["optimizers"])
    for name in _COUNTERS:
        setattr(training, name, states[name])
