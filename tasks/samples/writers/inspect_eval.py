"""Inspect: an `.eval` archive (or `.json`) by inspect_ai's own writer, which its viewer opens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from typing import Any

from tasks.benchmarks.question import Question
from tasks.samples.inspect_eval import DETAILS, NAMELESS
from tasks.samples.log import Sample, SampleLog, Stated
from warehouse.errors import UserError

_STOPS = {"end": "stop", "limit": "max_tokens", None: "unknown"}


def write_inspect(log: SampleLog, path: Path, *, moment: float) -> Path:
    """An archive with one sample a draw, the draw being its epoch from 1.

    Usage stands where both of its counts are known, as Inspect has 0 for an unknown one; a count
    that stands alone is kept in the sample's metadata. All stated values are scores, the second
    one of a metric under its name with a number.
    `inspect_eval.read` gives the log back, of its questions text, targets and choices. `moment` is
    the time in seconds since 1970 that the log bears. UserError where inspect_ai is not installed.
    """
    if find_spec("inspect_ai") is None:
        raise UserError(
            f"export: expected inspect_ai, which writes {path.name}, to be installed, and it is "
            "not; install it: pip install 'ttc[inspect]'"
        )
    from inspect_ai.log import EvalLog, write_eval_log

    path.parent.mkdir(parents=True, exist_ok=True)
    samples = [_sample(log, log.questions[one.question_id], one) for one in log.samples]
    whole = EvalLog(
        status="success",
        eval=_spec(log, moment),
        results=_results(log.samples),
        samples=samples,
    )
    write_eval_log(whole, path)
    return path


def _spec(log: SampleLog, moment: float) -> Any:
    from inspect_ai.log import EvalConfig, EvalDataset, EvalSpec
    from inspect_ai.model import GenerateConfig

    drawn = GenerateConfig(
        temperature=log.temperature,
        top_p=log.top_p,
        top_k=log.top_k,
        max_tokens=log.max_tokens,
    )
    draws = max((sample.draw + 1 for sample in log.samples), default=1)
    return EvalSpec(
        created=datetime.fromtimestamp(moment, UTC).isoformat(),
        task=log.task or NAMELESS,
        model=log.model or NAMELESS,
        dataset=EvalDataset(
            name=log.task, samples=len(log.questions), sample_ids=list(log.questions)
        ),
        config=EvalConfig(epochs=draws),
        model_generate_config=drawn,
    )


def _results(samples: Sequence[Sample]) -> Any:
    """The mean of each value that is stated, for the viewer's first screen."""
    from inspect_ai.log import EvalMetric, EvalResults, EvalScore

    values: dict[str, list[float]] = {}
    for sample in samples:
        for name, one in _named(sample.stated).items():
            if one.value is not None:
                values.setdefault(name, []).append(one.value)
    scores = [
        EvalScore(
            name=name,
            scorer=name,
            metrics={"mean": EvalMetric(name="mean", value=fmean(several))},
        )
        for name, several in values.items()
    ]
    return EvalResults(total_samples=len(samples), completed_samples=len(samples), scores=scores)


def _sample(log: SampleLog, question: Question, sample: Sample) -> Any:
    from inspect_ai.log import EvalSample
    from inspect_ai.model import ChatMessageAssistant, ChatMessageUser
    from inspect_ai.scorer import Score

    targets = list(filter(None, question.targets))
    said = ChatMessageAssistant(content=sample.text, source="generate")
    details = _details(log, sample)
    return EvalSample(
        id=question.question_id,
        epoch=sample.draw + 1,
        input=question.text,
        choices=list(question.choices) or None,
        target=targets[0] if len(targets) == 1 else targets,
        messages=[ChatMessageUser(content=question.text), said],
        output=_output(log.model or NAMELESS, sample, said),
        scores={
            # A value that is not known is none of a score's kinds; NaN is.
            name: Score(value=float("nan") if one.value is None else one.value, answer=one.answer)
            for name, one in _named(sample.stated).items()
        },
        metadata={DETAILS: details} if details else {},
    )


def _named(stated: Sequence[Stated]) -> dict[str, Stated]:
    """What is stated by names that are their own: `em`, and `em 2` for the next of that name."""
    named: dict[str, Stated] = {}
    for one in stated:
        name, count = one.metric, 1
        while name in named:
            count += 1
            name = f"{one.metric} {count}"
        named[name] = one
    return named


def _details(log: SampleLog, sample: Sample) -> dict[str, Any]:
    """What Inspect has no place for; empty where there is none."""
    details: dict[str, Any] = {}
    if sample.role:
        details["role"] = sample.role
    if sample.scores:
        details |= {"scores": list(sample.scores), "verifier": log.verifier}
    if _has_usage(sample):
        return details
    for name in ("tokens", "prompt_tokens", "thinking_tokens"):
        count = getattr(sample, name)
        if count is not None:
            details[name] = count
    return details


def _has_usage(sample: Sample) -> bool:
    return sample.tokens is not None and sample.prompt_tokens is not None


def _output(model: str, sample: Sample, said: Any) -> Any:
    from inspect_ai.model import ChatCompletionChoice, ModelOutput, ModelUsage

    choice = ChatCompletionChoice.model_validate(
        {"message": said, "stop_reason": _STOPS[sample.stop]}
    )
    usage = None
    given, drawn = sample.prompt_tokens, sample.tokens
    if given is not None and drawn is not None:
        usage = ModelUsage(
            input_tokens=given,
            output_tokens=drawn,
            total_tokens=given + drawn,
            reasoning_tokens=sample.thinking_tokens,
        )
    return ModelOutput(model=model, choices=[choice], usage=usage)
