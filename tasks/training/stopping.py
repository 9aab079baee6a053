"""Training on a fixed set of rows with early stopping on held-out questions."""

from __future__ import annotations

import copy
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn


class Row(Protocol):
    """Anything with ids: rows of like length are batched together."""

    @property
    def ids(self) -> list[int]:
        """Token ids."""
        ...


R = TypeVar("R", bound=Row)
Loss = Callable[[list[R]], tuple[Tensor, float]]
"""Mean loss of a batch, and the weight that this mean stands for."""
WARMUP = 50
"""Steps until the peak rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """How long and how fast: AdamW at peak `rate`, a warm-up, then linear decay to zero."""

    batch: int = 64
    rate: float = 1.5e-3
    weight_decay: float = 0.01
    epochs: int = 8
    checks_per_epoch: int = 2
    patience: int = 4
    """Checks in a row without a better held-out loss after which training ends."""


class Stopwatch:
    """Wall and CPU seconds since it was made."""

    def __init__(self) -> None:
        self._wall = time.time()
        self._cpu = time.process_time()

    def wall(self) -> float:
        """Seconds on the clock on the wall."""
        return time.time() - self._wall

    def figures(self) -> dict[str, float]:
        """Both, as a card states them."""
        cpu = time.process_time() - self._cpu
        return {"wall_seconds": round(self.wall(), 1), "cpu_seconds": round(cpu, 1)}


class Check(NamedTuple):
    """Held-out loss and the state that had it."""

    loss: float
    step: int
    weights: dict[str, Tensor]


def fit(
    model: nn.Module,
    rows: Sequence[R],
    held_out: Sequence[R],
    *,
    loss: Loss[R],
    stopping: Stopping,
    rng: random.Random,
) -> dict[str, float]:
    """Held-out loss before and at its best, and steps; the best weights stay in `model`."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=stopping.rate, weight_decay=stopping.weight_decay
    )
    # Rounded up: the last batch of an epoch is smaller.
    per_epoch = math.ceil(len(rows) / stopping.batch)
    total = stopping.epochs * per_epoch
    every = max(1, per_epoch // stopping.checks_per_epoch)
    # Untouched weights are a candidate: training that only harms leaves the model as it was.
    best = _check(model, 0, held_out, loss=loss)
    loss_before = best.loss
    worse = step = 0
    for step, batch in enumerate(_epochs(rows, stopping, rng), start=1):
        left = (total - step + 1) / total
        rate = stopping.rate * min(1.0, step / WARMUP, left)
        mean, _ = loss(batch)
        _update(model, optimizer, mean, rate=rate)
        if step % every:
            continue
        check = _check(model, step, held_out, loss=loss)
        print(f"step {step} of {total}: held-out loss {check.loss:.4f}", flush=True)
        if check.loss < best.loss:
            best = check
            worse = 0
        else:
            worse += 1
        if worse >= stopping.patience:
            break
    model.load_state_dict(best.weights)
    return {
        "loss_before": loss_before,
        "held_out_loss": best.loss,
        "best_step": best.step,
        "steps": step,
    }


def _epochs(rows: Sequence[R], stopping: Stopping, rng: random.Random) -> Iterator[list[R]]:
    """The batches of all epochs, cut anew for each."""
    for _ in range(stopping.epochs):
        yield from cut_batches(rows, stopping.batch, rng)


def _check(model: nn.Module, step: int, held_out: Sequence[R], *, loss: Loss[R]) -> Check:
    mean = held_out_loss(held_out, loss=loss)
    # Copied: the next step changes the tensors of the state in place.
    weights = copy.deepcopy(model.state_dict())
    return Check(mean, step, weights)


def held_out_loss(rows: Sequence[R], *, loss: Loss[R]) -> float:
    """Mean loss over all of `rows`; ValueError without any."""
    if not rows:
        raise ValueError(
            "expected rows of held-out questions to stop early on, got none; "
            "hold out more questions"
        )
    total = count = 0.0
    with torch.inference_mode():
        for batch in cut_batches(rows, 256):
            # Batches weigh by what their means stand for, so the cut does not change the result.
            mean, weight = loss(batch)
            total += mean.item() * weight
            count += weight
    return total / count


def cut_batches(rows: Sequence[R], size: int, rng: random.Random | None = None) -> list[list[R]]:
    """Batches of rows of like length; with `rng` in random order."""
    if rng is not None:
        rows = rng.sample(rows, len(rows))
    # Sorted within windows only: over all rows every epoch would cut nearly the same batches.
    window = 16 * size
    batches: list[list[R]] = []
    for start in range(0, len(rows), window):
        near = rows[start : start + window]
        ordered = sorted(near, key=lambda row: len(row.ids))
        for first in range(0, len(ordered), size):
            batches.append(ordered[first : first + size])
    if rng is not None:
        rng.shuffle(batches)
    return batches


def _update(
    model: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor, *, rate: float
) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss.backward()
    # One batch of odd rows must not throw the weights far away.
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
