"""The tables of a study file, each a frozen value."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import JsonValue

from tasks.benchmarks.kinds import SECONDS
from tasks.benchmarks.names import USUAL, Columns
from tasks.models.format_tables import format_table
from tasks.models.verifiers import load_verifier_format
from warehouse.errors import UserError

Aggregate = Literal["last", "min", "prod", "mean"]


@dataclass(frozen=True, slots=True)
class Generator:
    """The model versions that are asked, and how they are sampled."""

    models: tuple[str, ...] = ("bundled/congruences-generator",)
    """Each is `bundled/<name>`, a folder with safetensors, a Hugging Face id with or without
    `@revision`, or `base+adapter` of these, the adapter LoRA's; one run each."""
    format: str | dict[str, Any] = "congruences"
    """How the models write: a name in tasks/models/formats.toml, a table with the same keys that
    may say which of them it is `like`, or a TOML file beside the study that holds such a table."""
    chat_template_kwargs: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    """What the models' chat template is told besides the dialogue, e.g. enable_thinking = false."""
    family: str | None = None
    """What these models are versions of, so that tonight's is compared with the last one; None: the
    format's name."""
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    """0: no limit."""
    max_tokens: int = 128
    """Tokens of one whole completion."""
    max_step_tokens: int = 40
    """Tokens of one step in a search."""
    max_rounds: int = 40
    """How often a search over steps goes on, as in the paper: the steps of a completion after its
    first."""

    def __post_init__(self) -> None:
        format_table(self.format)
        if not (self.family or isinstance(self.format, str) or self.format.get("name")):
            raise UserError(
                "study: expected `name` in the table generator.format, or generator.family, which "
                "say what these models are versions of, got neither; add one"
            )


@dataclass(frozen=True, slots=True)
class BenchmarkTable:
    """One of several benchmarks of a study; what it leaves out is as the study says."""

    benchmark: str
    """`congruences`, the path of a file, or `hf:owner/name[@revision][:config]:split`."""
    benchmark_name: str | None = None
    """What it is called; None: as its first run called it."""
    questions: int | None = None
    answer: str | None = None
    answer_command: tuple[str, ...] = ()
    answer_seconds: float = SECONDS
    columns: Columns = USUAL

    def keys(self) -> dict[str, Any]:
        """What it says, by key of the study."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        silent = {field.name: field.default for field in dataclasses.fields(self)}
        return {key: value for key, value in values.items() if value != silent[key]}


@dataclass(frozen=True, slots=True)
class Verifier:
    """The model that scores what was written: every step, or the whole."""

    model: str = "bundled/congruences-prm"
    format: str | dict[str, Any] = "congruences-prm"
    """How it reads: a name in tasks/models/verifiers.toml, or a table or file as of generators."""
    aggregate: Aggregate = "last"
    """How step scores become the completion's score (METHOD §3)."""

    def __post_init__(self) -> None:
        load_verifier_format(self.format)


@dataclass(frozen=True, slots=True)
class Revisions:
    """Who revises attempts, and who judges them."""

    model: str | None = None
    """A model trained to revise; None: every generator is shown its own earlier attempts."""
    verifier: Verifier | None = None
    """Scores an attempt in sight of the earlier ones; None: the study's verifier, which sees the
    attempt alone."""


@dataclass(frozen=True, slots=True)
class Server:
    """Replicas of `vllm serve` that have a model of the study."""

    model: str
    """As the study names it."""
    urls: tuple[str, ...]
    """Base addresses, e.g. `http://127.0.0.1:8000`."""
    name: str
    """What the servers call it (`--served-model-name`)."""
    api_key_env: str | None = None
    """Environment variable that holds their key; None: they want none."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How vLLM runs the models, the same words on CPU and GPU."""

    servers: tuple[Server, ...] = ()
    """Models that are asked over HTTP; all others run in processes of their own."""

    dtype: str = "auto"
    max_model_len: int | None = None
    """Context in tokens; None: what the model's config says."""
    tensor_parallel_size: int = 1
    data_parallel_size: int = 1
    gpu_memory_utilization: float = 0.45
    """Share of GPU memory each of generator and verifier may take; ignored on CPU."""
    kv_cache_gib: float = 1.0
    """KV cache of each model on CPU; ignored on GPU."""
    enforce_eager: bool = True
    max_num_seqs: int = 256


@dataclass(frozen=True, slots=True)
class Gate:
    """What happens when a new model version is significantly worse than the champion."""

    budgets: tuple[int, ...] = ()
    """Headline budgets that are compared; empty: 4, 16, 64 and 256 where the study has them, else
    its largest."""
    command: tuple[str, ...] = ()
    """Words of a command that is run then; it gets the alarm as JSON on its standard input.

    `${NAME}` in a word is that variable of the environment, which the command sees as well.
    """
    again: int = 7
    """After so many versions compared with it the champion is measured on fresh draws, and at once
    where it was promoted over another; 0: never."""
    webhook: str | None = None
    """Address that gets the alarm as JSON by POST: `${NAME}`, the variable that it stands in."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """The larger model that the policy is compared with at equal FLOPs (METHOD §8)."""

    model: str = "bundled/congruences-large"
    ratios: tuple[float, ...] = (0.16, 0.79, 22.0)
    """Inference tokens per training token (R of the paper)."""


@dataclass(frozen=True, slots=True)
class Distill:
    """What a generator learns from, round after round (METHOD §11.3)."""

    questions: int = 300
    """Training questions a round; the study's own are only evaluated on."""
    strategies: tuple[str, ...] = ("weighted", "beam_search(m=4)")
    """Whose served completions are learnt."""
    budget: int = 16
    least_score: float = 0.9
    """Score from which the verifier calls a completion right; the variant that looks at targets
    ignores it."""
