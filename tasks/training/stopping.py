"""Training on a fixed set of rows with early stopping on held-out questions."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn


class Row(Protocol):
    """Anything with ids: rows of like length are batched together."""

    @property
    def ids(self) -> list[int]: ...


R = TypeVar("R", bound=Row)
Loss = Callable[[list[R]], tuple[Tensor, float]]
"""Mean loss of a batch, and the weight that this mean stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """How long and how fast: AdamW at peak `rate`, warm-up of 50 steps, then linear decay to zero."""

    batch: int = 64
    rate: float = 1.5e-3
    weight_decay: float = 0.01
    epochs: int = 8
    checks_per_epoch: int = 2
    patience: int = 4


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
    per_epoch = -(-len(rows) // stopping.batch)
    total, every = stopping.epochs * per_epoch, max(1, per_epoch // stopping.checks_per_epoch)
    best = Check(held_out_loss(held_out, loss=loss), 0, copy.deepcopy(model.state_dict()))
    before = best.loss
    steps = worse = 0
    while steps < total and worse < stopping.patience:
        for batch in batched(rows, stopping.batch, rng):
            rate = stopping.rate * min(1.0, (steps + 1) / 50, (total - steps) / total)
            _update(model, optimizer, loss(batch)[0], rate=rate)
            steps += 1
            if steps % every:
                continue
            found = held_out_loss(held_out, loss=loss)
            print(f"step {steps} of {total}: held-out loss {found:.4f}", flush=True)
            worse = 0 if found < best.loss else worse + 1
            if found < best.loss:
                best = Check(found, steps, copy.deepcopy(model.state_dict()))
            if worse >= stopping.patience:
                break
    model.load_state_dict(best.weights)
    return {
        "loss_before": before,
        "held_out_loss": best.loss,
        "best_step": best.step,
        "steps": steps,
    }


def held_out_loss(rows: Sequence[R], *, loss: Loss[R]) -> float:
    """Mean loss over all of `rows`; ValueError without any."""
    if not rows:
        raise ValueError(
            "expected rows of held-out questions to stop early on, got none; hold out more questions"
        )
    total = count = 0.0
    with torch.inference_mode():
        for batch in batched(rows, 256):
            found, weight = loss(batch)
            total, count = total + found.item() * weight, count + weight
    return total / count


def batched(rows: Sequence[R], size: int, rng: random.Random | None = None) -> list[list[R]]:
    """Batches of rows of like length; with `rng` in random order."""
    rows = rows if rng is None else rng.sample(rows, len(rows))
    window = 16 * size
    batches: list[list[R]] = []
    for start in range(0, len(rows), window):
        near = sorted(rows[start : start + window], key=lambda row: len(row.ids))
        batches += [near[at : at + size] for at in range(0, len(near), size)]
    if rng is not None:
        rng.shuffle(batches)
    return batches


def _update(
    model: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor, *, rate: float
) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
