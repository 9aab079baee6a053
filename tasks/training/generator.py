"""Training of the bundled generator: a small Llama on fresh synthetic solutions.

Muon on the layers' matrices, AdamW on the rest, warm-up, constant rate, linear decay; loss on the
completion only. Four phases: all kinds of stage; mostly the harder kinds, with few right guesses, for
their arithmetic; many right guesses, for the inverses; and text that guesses and errs as the generator
shall. The share of wrong guesses whose
result is bent to the wanted value sets how honest the written checks are, and with it how good a verifier
can become.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from tasks.benchmarks.congruences import (
    END,
    PAD,
    Mix,
    Writing,
    document,
    draw_stages,
    question_tokens,
    split_of,
)
from tasks.training.cards import plain, write_card
from tasks.training.measures import measure_generator
from tasks.training.sampling import ROTARY_BASE, decoder
from tasks.training.tokenizer import build_tokenizer, encode, token_ids

IGNORED = -100
Document = tuple[list[int], list[int]]


@dataclass(frozen=True, slots=True)
class Phase:
    """One stretch of training text; the state can be saved after each of its parts."""

    tokens: int
    mix: Mix
    writing: Writing
    parts: int = 1


ALL_KINDS = Phase(12_000_000, Mix((1, 2, 3, 4, 5), (2, 3, 4)), Writing((0.8, 0.8, 0.35), (0.0, 0.0, 0.0)), 6)
# Few right guesses: where nearly all are right, copying the wanted value is easier than adding.
ARITHMETIC = Phase(4_000_000, Mix((2, 3, 4), (1, 4, 4)), Writing((0.7, 0.4, 0.2), (0.0, 0.0, 0.0)), 2)
INVERSES = Phase(2_000_000, Mix((2, 3, 4), (2, 3, 4)), Writing((0.96, 0.75, 0.35), (0.03, 0.1, 0.004)), 2)
AS_WANTED = Phase(2_000_000, Mix((2, 3, 4), (2, 3, 3)), Writing((0.955, 0.48, 0.35), (0.3, 0.005, 0.002)), 2)


@dataclass(frozen=True, slots=True)
class GeneratorRecipe:
    """Everything that sets the trained weights, the seed aside. Rates are peak learning rates."""

    phases: tuple[Phase, ...] = (ALL_KINDS, ARITHMETIC, INVERSES, AS_WANTED)
    hidden: int = 128
    layers: int = 3
    heads: int = 4
    inner: int = 256
    batch: int = 48
    warmup: int = 100
    decay_share: float = 0.4
    muon_rate: float = 0.01
    adam_rate: float = 2e-3
    bf16: bool = True


def new_model(recipe: GeneratorRecipe) -> LlamaForCausalLM:
    """An untrained generator."""
    ids = token_ids()
    settings = dict[str, Any](
        vocab_size=len(ids),
        hidden_size=recipe.hidden,
        intermediate_size=recipe.inner,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=1024,
        rope_parameters={"rope_theta": ROTARY_BASE, "rope_type": "default"},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=ids[END],
        pad_token_id=ids[PAD],
        attn_implementation="eager",
    )
    return LlamaForCausalLM(LlamaConfig(**settings))


def documents(rng: random.Random, *, phase: Phase) -> Iterator[Document]:
    """Endless (question ids, completion ids), from questions of the training split only."""
    while True:
        stages = draw_stages(rng, mix=phase.mix)
        question = question_tokens(stages)
        if split_of("".join(question)) == "train":
            yield encode(question), encode(document(stages, rng, writing=phase.writing))


def batches(rng: random.Random, *, phase: Phase, size: int) -> Iterator[list[Document]]:
    """Endless batches of documents of like length: 16 batches are drawn, sorted, cut and shuffled."""
    source = documents(rng, phase=phase)
    while True:
        drawn = sorted((next(source) for _ in range(16 * size)), key=lambda pair: len(pair[0]) + len(pair[1]))
        cut = [drawn[start : start + size] for start in range(0, len(drawn), size)]
        rng.shuffle(cut)
        yield from cut


def pad_batch(batch: list[Document]) -> tuple[Tensor, Tensor]:
    """Ids and labels, both (batch, longest); labels are IGNORED on the question and on padding."""
    longest = max(len(question) + len(text) for question, text in batch)
    ids = torch.full((len(batch), longest), token_ids()[PAD])
    labels = torch.full((len(batch), longest), IGNORED)
    for row, (question, text) in enumerate(batch):
        end = len(question) + len(text)
        ids[row, :end] = torch.tensor(question + text)
        labels[row, len(question) : end] = torch.tensor(text)
    return ids, labels


class Optimizers:
    """Muon for the layers' matrices and AdamW for embeddings and norms, on one schedule."""

    def __init__(self, model: nn.Module, recipe: GeneratorRecipe) -> None:
        matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and ".layers." in n]
        chosen = {id(p) for p in matrices}
        rest = [p for p in model.parameters() if id(p) not in chosen]
        self.each = (
            torch.optim.Muon(matrices, lr=recipe.muon_rate, momentum=0.95, weight_decay=0.0),
            torch.optim.AdamW(rest, lr=recipe.adam_rate, betas=(0.9, 0.98), weight_decay=0.0),
        )
        self.peaks = (recipe.muon_rate, recipe.adam_rate)

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
    """The state of one training run."""

    model: LlamaForCausalLM
    optimizers: Optimizers
    recipe: GeneratorRecipe
    steps: int = 0
    tokens: int = 0
    losses: list[float] = field(default_factory=list)
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0

    def rate(self) -> float:
        """Share of the peak learning rate: warm-up, constant, linear decay to zero at the last token."""
        total = sum(phase.tokens for phase in self.recipe.phases)
        left = max(total - self.tokens, 0) / (total * self.recipe.decay_share)
        return min(1.0, (self.steps + 1) / self.recipe.warmup, left)

    def learn(self, batch: list[Document]) -> None:
        """One optimizer step on a batch."""
        ids, labels = pad_batch(batch)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.recipe.bf16):
            logits = self.model(input_ids=ids[:, :-1], use_cache=False).logits
        loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), labels[:, 1:].flatten())
        loss.backward()
        self.optimizers.step(self.rate())
        self.steps += 1
        self.tokens += sum(len(question) + len(text) for question, text in batch)
        self.losses.append(loss.item())


def run_phases(training: Training, *, seed: int, states: Path | None) -> None:
    """Train through the recipe; a state file is written after each part of a phase (and read if it exists)."""
    parts = [(phase, phase.tokens // phase.parts) for phase in training.recipe.phases for _ in range(phase.parts)]
    goal = 0
    for number, (phase, tokens) in enumerate(parts):
        goal += tokens
        state = None if states is None else states / f"part-{number}.pt"
        if state is not None and state.exists():
            _load(training, state)
            continue
        _run_part(training, random.Random(f"text/{seed}/{number}"), phase=phase, goal=goal)
        if state is not None:
            _save(training, state)


def _run_part(training: Training, rng: random.Random, *, phase: Phase, goal: int, log_every: int = 200) -> None:
    wall, cpu = time.time(), time.process_time()
    source = batches(rng, phase=phase, size=training.recipe.batch)
    while training.tokens < goal:
        training.learn(next(source))
        if training.steps % log_every == 0:
            recent = training.losses[-log_every:]
            print(f"{training.tokens / 1e6:.2f} M tokens, loss {sum(recent) / len(recent):.4f}", flush=True)
    training.wall_seconds += time.time() - wall
    training.cpu_seconds += time.process_time() - cpu


_COUNTERS = ("steps", "tokens", "losses", "wall_seconds", "cpu_seconds")


def _save(training: Training, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    states = {"model": training.model.state_dict(), "optimizers": training.optimizers.state_dict()}
    torch.save(states | {name: getattr(training, name) for name in _COUNTERS}, path)


def _load(training: Training, path: Path) -> None:
    states = torch.load(path)
    training.model.load_state_dict(states["model"])
    training.optimizers.load_state_dict(states["optimizers"])
    for name in _COUNTERS:
        setattr(training, name, states[name])


def train_generator(
    out: Path,
    *,
    seed: int = 0,
    recipe: GeneratorRecipe | None = None,
    states: Path | None = None,
    measured_on: int = 250,
) -> dict[str, object]:
    """Figures of a generator trained and saved in `out` (config, weights, tokenizer)."""
    recipe = recipe or GeneratorRecipe()
    torch.manual_seed(seed)
    model = new_model(recipe)
    training = Training(model, Optimizers(model, recipe), recipe)
    run_phases(training, seed=seed, states=states)
    save_model(model, out)
    figures: dict[str, object] = {
        "seed": seed,
        "recipe": plain(recipe),
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens_seen": training.tokens,
        "steps": training.steps,
        "final_loss": sum(training.losses[-100:]) / len(training.losses[-100:]),
        "wall_seconds": round(training.wall_seconds, 1),
        "cpu_seconds": round(training.cpu_seconds, 1),
        "measured": measure_generator(decoder(model), questions=measured_on, draws=8, temperature=1.0, seed=seed),
    }
    write_card(out, "generator", figures)
    return figures


def save_model(model: LlamaForCausalLM, out: Path) -> None:
    """Write the folder that transformers and vLLM read."""
    out.mkdir(parents=True, exist_ok=True)
    model.generation_config = GenerationConfig(eos_token_id=token_ids()[END], pad_token_id=token_ids()[PAD])
    model.save_pretrained(out)
    build_tokenizer().save_pretrained(out)
