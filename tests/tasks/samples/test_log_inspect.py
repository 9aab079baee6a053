"""Logs of Inspect, written and read by inspect_ai itself; passed over where it is not installed."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from known_draws import QUESTIONS, Known, known_draws, one_log, reasons
from sample_logs import plain

from tasks.samples import inspect_eval
from tasks.samples.assembly import TWICE
from tasks.samples.log import Stated
from tasks.samples.reading import read_logs
from tasks.samples.writers.inspect_eval import write_inspect
from warehouse.errors import UserError

pytest.importorskip("inspect_ai")

ZSTD = 93
"""The method of compression in an archive's entry."""


def archive(folder: Path, *samples: Any, **settings: Any) -> Path:
    """A log of these samples."""
    from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSpec, write_eval_log
    from inspect_ai.model import GenerateConfig

    spec = EvalSpec(
        created="2026-11-01T10:00:00+00:00",
        task="sums",
        model="acme/small-1b",
        dataset=EvalDataset(),
        config=EvalConfig(),
        model_generate_config=GenerateConfig(**settings),
    )
    path = folder / "2026-11-01_sums.eval"
    write_eval_log(EvalLog(status="error", eval=spec, samples=list(samples)), path)
    return path


def sample(one: Known, **more: Any) -> Any:
    """One sample as a run leaves it."""
    from inspect_ai.log import EvalSample
    from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ModelOutput, ModelUsage
    from inspect_ai.scorer import Score

    content = more.pop("content", one.text)
    message = ChatMessageAssistant(content=content)
    output = ModelOutput.from_content("acme/small-1b", content)
    output.choices[0].message = message
    output.choices[0].stop_reason = more.pop("stop_reason", "stop")
    output.usage = ModelUsage(input_tokens=9, output_tokens=one.tokens, reasoning_tokens=3)
    usual: dict[str, Any] = {
        "id": one.question_id,
        "epoch": one.draw + 1,
        "input": one.asked,
        "target": one.target,
        "messages": [ChatMessageUser(content=one.asked), message],
        "output": output,
        "scores": {"match": Score(value="C" if one.is_right else "I", answer=one.answer)},
    }
    return EvalSample(**(usual | more))


def test_epochs_are_draws_with_tokens_endings_and_grades(tmp_path: Path) -> None:
    known = known_draws()
    path = archive(tmp_path, *map(sample, known), temperature=0.7, max_tokens=512)
    log = one_log(path)
    assert (log.format, log.model, log.task) == ("inspect", "acme/small-1b", "sums")
    assert (log.temperature, log.max_tokens) == (0.7, 512)
    assert [(one.question_id, one.draw, one.text) for one in log.samples] == [
        (one.question_id, one.draw, one.text) for one in known
    ]
    first = log.samples[0]
    assert (first.stop, first.tokens, first.prompt_tokens) == ("end", known[0].tokens, 9)
    assert first.thinking_tokens == 3
    assert [one.stated[0].value for one in log.samples] == [float(one.is_right) for one in known]
    assert first.stated[0].answer == known[0].answer


def test_archives_in_zstd_are_read(tmp_path: Path) -> None:
    path = archive(tmp_path, sample(Known("sum-1", 0)))
    with zipfile.ZipFile(path) as opened:
        assert ZSTD in {entry.compress_type for entry in opened.infolist()}
    assert len(one_log(path).samples) == 1


def test_what_is_kept_apart_as_an_attachment_is_put_back(tmp_path: Path) -> None:
    long = "carry the ten over " * 200
    one = sample(Known("sum-1", 0), content="attachment://a1", attachments={"a1": long})
    assert one_log(archive(tmp_path, one)).samples[0].text == long


def test_errors_and_conversations_are_refused_with_a_count(tmp_path: Path) -> None:
    from inspect_ai.log import EvalError
    from inspect_ai.model import ChatMessageAssistant

    failed = EvalError(message="boom", traceback="", traceback_ansi="")
    turns = [ChatMessageAssistant(content="a"), ChatMessageAssistant(content="b")]
    path = archive(
        tmp_path,
        sample(Known("sum-1", 0)),
        sample(Known("sum-1", 1), error=failed),
        sample(Known("sum-1", 2), messages=turns),
    )
    log = one_log(path)
    assert len(log.samples) == 1
    assert reasons(log) == {inspect_eval.FAILED: 1, inspect_eval.SEVERAL_TURNS: 1}
    assert log.refused[0].example == f"{path}:sum-1/2"


def test_a_retried_run_adds_what_the_first_one_lacks(tmp_path: Path) -> None:
    known = known_draws()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    archive(tmp_path / "a", *map(sample, known[:5]))
    archive(tmp_path / "b", *map(sample, known))
    log = one_log(tmp_path)
    assert [one.text for one in log.samples] == [one.text for one in known]


def test_ids_may_be_numbers_and_grades_may_be_no_number(tmp_path: Path) -> None:
    from inspect_ai.scorer import Score

    scores = {"nan": Score(value=float("nan")), "parts": Score(value={"a": 1, "b": "P"})}
    log = one_log(archive(tmp_path, sample(Known("sum-1", 0), id=7, scores=scores)))
    assert list(log.questions) == ["7"]
    stated = {one.metric: one.value for one in log.samples[0].stated}
    assert stated == {"nan": None, "parts/a": 1.0, "parts/b": 0.5}


def test_thinking_stands_before_what_is_said(tmp_path: Path) -> None:
    from inspect_ai.model import ContentReasoning, ContentText

    parts = [ContentReasoning(reasoning="hm"), ContentText(text="The answer is 42.")]
    cut = [ContentReasoning(reasoning="hm, well")]
    log = one_log(
        archive(
            tmp_path,
            sample(Known("sum-1", 0), content=parts),
            sample(Known("sum-1", 1), content=cut, stop_reason="max_tokens"),
        )
    )
    whole, begun = log.samples
    assert whole.text == "<think>\nhm\n</think>\n\nThe answer is 42."
    assert (begun.text, begun.stop) == ("<think>\nhm, well", "limit")


def test_half_an_archive_is_named(tmp_path: Path) -> None:
    path = archive(tmp_path, *map(sample, known_draws()))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"sums.eval: expected a log that inspect_ai can read"):
        read_logs([path])


def test_without_inspect_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(tmp_path, sample(Known("sum-1", 0)))
    (log,) = read_logs([plain(tmp_path)])
    monkeypatch.setattr("tasks.samples.inspect_eval.find_spec", lambda _: None)
    monkeypatch.setattr("tasks.samples.writers.inspect_eval.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"pip install 'ttc\[inspect\]'"):
        read_logs([path])
    with pytest.raises(UserError, match=r"pip install 'ttc\[inspect\]'"):
        write_inspect(log, tmp_path / "x.eval", moment=0)


@pytest.mark.parametrize(("tokens", "given"), [(7, None), (None, 9), (None, None), (7, 9)])
def test_unknown_counts_are_not_written_as_none_drawn(
    tokens: int | None, given: int | None, tmp_path: Path
) -> None:
    from inspect_ai.log import read_eval_log

    (log,) = read_logs([plain(tmp_path)])
    stated = (Stated("em", 1.0, "4"), Stated("f1", 0.5), Stated("em", 0.0, "5"))
    counted = replace(log.samples[0], tokens=tokens, prompt_tokens=given, stated=stated)
    log.samples = [counted]
    path = write_inspect(log, tmp_path / "x.eval", moment=0)
    (sample,) = read_eval_log(path).samples or []
    usage = sample.output.usage
    assert (usage is None) == (tokens is None or given is None)
    scores = {name: score.value for name, score in (sample.scores or {}).items()}
    assert scores == {"em": 1.0, "f1": 0.5, "em 2": 0.0}
    (back,) = read_logs([path])
    assert (back.samples[0].tokens, back.samples[0].prompt_tokens) == (tokens, given)


def test_what_is_written_opens_with_its_own_reader(tmp_path: Path) -> None:
    from inspect_ai.log import read_eval_log

    (log,) = read_logs([plain(tmp_path)])
    opened = read_eval_log(write_inspect(log, tmp_path / "x.eval", moment=1_793_000_000))
    assert (opened.status, opened.eval.model, opened.eval.task) == ("success", log.model, "sums")
    assert opened.eval.created == "2026-10-26T07:33:20+00:00"
    assert opened.samples is not None and len(opened.samples) == 4 * len(QUESTIONS)
    by_epoch = {(one.id, one.epoch): one.output.completion for one in opened.samples}
    assert by_epoch["sum-1", 2] == log.samples[1].text
    assert opened.results is not None
    # Draws 1 and 2 of four are right.
    assert opened.results.scores[0].metrics["mean"].value == 0.5


def test_a_sample_that_a_retry_copies_counts_once_however_short(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    known = [one for one in known_draws() if one.draw < 2]
    letters = [sample(one, content="B", uuid=f"u{place}") for place, one in enumerate(known)]
    archive(tmp_path / "a", *letters[:4])
    archive(tmp_path / "b", *letters)
    log = one_log(tmp_path)
    assert len(log.samples) == len(known)
    assert reasons(log) == {TWICE: 4}


@pytest.mark.parametrize("part", ["task_args", "solver_args", "plan", "config"])
def test_a_task_asked_in_two_ways_is_two_logs(part: str, tmp_path: Path) -> None:
    from inspect_ai.log import EvalPlan, EvalPlanStep, read_eval_log, write_eval_log
    from inspect_ai.model import GenerateConfig

    for name, style in enumerate(("brief", "long", "long")):
        (tmp_path / str(name)).mkdir()
        samples = [sample(Known(one, name)) for one in QUESTIONS]
        path = archive(tmp_path / str(name), *samples, seed=name)
        log = read_eval_log(str(path))
        if part == "plan":
            step = EvalPlanStep(solver="system_message", params={"template": style})
            log.plan = EvalPlan(steps=[step])
        elif part == "config":
            log.plan = EvalPlan(config=GenerateConfig(system_message=style))
        else:
            setattr(log.eval, part, {"style": style})
        write_eval_log(log, str(path))
    logs = read_logs([tmp_path])
    assert [len(log.samples) for log in logs] == [len(QUESTIONS), 2 * len(QUESTIONS)]
    assert len({log.task for log in logs}) == 2
    if part == "task_args":
        assert [log.task for log in logs] == ["sums (style=brief)", "sums (style=long)"]
