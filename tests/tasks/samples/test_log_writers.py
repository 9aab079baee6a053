"""What is written reads back as what it was written from."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_logs import plain

from tasks.benchmarks.question import Question
from tasks.samples.log import Sample, SampleLog, Stated
from tasks.samples.reading import read_logs
from tasks.samples.writers.every_eval_ever import write_every_eval_ever
from tasks.samples.writers.inspect_eval import write_inspect
from tasks.samples.writers.plain import write_plain
from warehouse.errors import UserError

NOW = 1_793_000_000.0
WRITERS = {
    "plain": lambda log, folder: write_plain(log, folder / "draws.jsonl"),
    "table": lambda log, folder: write_plain(log, folder / "draws.parquet"),
    "every-eval-ever": lambda log, folder: write_every_eval_ever(log, folder, moment=NOW),
    "inspect": lambda log, folder: write_inspect(log, folder / "log.eval", moment=NOW),
}
INSTALLED = [name for name in WRITERS if name != "inspect" or find_spec("inspect_ai")]

# No surrogates: half of a character can be written nowhere.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
COUNTS = st.none() | st.integers(1, 10**6)
NUMBERS = st.floats(0, 1, allow_nan=False)
# A greedy draw is one, however often it was written: such logs do not come back whole.
TEMPERATURES = st.floats(0, 2, exclude_min=True)
TOP_K = st.none() | st.integers(2, 10**6)


@st.composite
def _logs(draw: st.DrawFn) -> SampleLog:
    """Small logs with whatever may be in one, and what may be missing missing."""
    has_scores = draw(st.booleans())
    samples: list[Sample] = []
    questions = {
        name: Question(name, draw(TEXTS), draw(st.sampled_from(["4", "x + y", "é"])))
        for name in draw(st.lists(st.sampled_from("abc"), min_size=1, unique=True))
    }
    for name in questions:
        for place in range(draw(st.integers(1, 3))):
            value = draw(st.sampled_from([0.0, 1.0, 0.5]))
            stated = [Stated("ours", value, draw(st.none() | TEXTS))]
            if draw(st.booleans()):
                stated.append(Stated("theirs", None, draw(st.none() | TEXTS)))
            tokens = draw(COUNTS)
            samples.append(
                Sample(
                    name,
                    place,
                    draw(TEXTS.filter(bool)),
                    draw(st.sampled_from(["end", "limit", None])),
                    tokens,
                    draw(COUNTS),
                    None if tokens is None else draw(st.none() | st.integers(0, tokens)),
                    tuple(draw(st.lists(NUMBERS, min_size=1, max_size=3))) if has_scores else (),
                    tuple(stated),
                    draw(st.sampled_from(["proposer", "difficulty", None])),
                )
            )
    return SampleLog(
        "plain",
        draw(st.none() | st.sampled_from(["org/model", "m"])),
        draw(st.none() | st.sampled_from(["sums", "d'Alembert"])),
        questions,
        samples,
        "steps" if has_scores else None,
        draw(st.none() | TEMPERATURES),
        draw(st.none() | NUMBERS),
        draw(TOP_K),
        draw(COUNTS),
    )


def _place(sample: Sample) -> tuple[str, int]:
    return (sample.question_id, sample.draw)


@pytest.mark.parametrize("name", INSTALLED)
@given(log=_logs())
@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_writer_is_read_back_equal(
    name: str, log: SampleLog, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = WRITERS[name](log, tmp_path_factory.mktemp("written"))
    (back,) = read_logs([path])
    samples = [replace(sample, place="") for sample in back.samples]
    # Inspect reads samples by their ids, whatever the order that they were written in.
    assert sorted(samples, key=_place) == sorted(log.samples, key=_place)
    assert replace(back, samples=[], paths=[], format="") == replace(log, samples=[], format="")


def test_all_parts_of_a_question_stay_in_our_own_layout(tmp_path: Path) -> None:
    whole = Question(
        "q",
        "Which?",
        "A",
        level=3,
        accepted=("B",),
        choices=("one", "two"),
        tests=("assert f() == 1",),
        group="passage 4",
        metadata={"source": "made up"},
    )
    bare = Question("p", "What?", "4")
    questions = {"q": whole, "p": bare}
    samples = [Sample("q", 0, "A"), Sample("p", 0, "4")]
    log = SampleLog("plain", None, None, questions, samples)
    for name in ("draws.jsonl", "draws.parquet"):
        (back,) = read_logs([write_plain(log, tmp_path / name)])
        assert back.questions == questions
        assert back.questions["q"].metadata == whole.metadata
        assert back.questions["p"].metadata == {}


def test_every_eval_ever_is_written_over_itself_and_says_what_it_refers_to(
    tmp_path: Path,
) -> None:
    (log,) = read_logs([plain(tmp_path)])
    folder = tmp_path / "export"
    path = write_every_eval_ever(log, folder, moment=NOW)
    assert write_every_eval_ever(log, folder, moment=NOW) == path
    summary = json.loads(path.with_name(path.name.replace("_samples.jsonl", ".json")).read_text())
    assert len(list(folder.iterdir())) == 2
    assert summary["detailed_evaluation_results"]["file_path"] == path.name
    assert summary["evaluation_results"][0]["score_details"]["score"] == 0.5
    row = json.loads(path.read_text().splitlines()[0])
    assert row["evaluation_id"] == summary["evaluation_id"]
    assert all(isinstance(value, str) for value in row["metadata"].values())


def test_draws_that_nobody_graded_are_not_called_wrong(tmp_path: Path) -> None:
    (log,) = read_logs([plain(tmp_path)])
    ungraded = replace(log.samples[0], stated=())
    log.samples[0] = ungraded
    path = write_every_eval_ever(log, tmp_path / "some", moment=NOW)
    row = json.loads(path.read_text().splitlines()[0])
    assert row["error"] == "nothing says whether this draw is right"
    log.samples = [replace(sample, stated=()) for sample in log.samples]
    with pytest.raises(UserError, match=r"expected graded draws, got 12 of which none is"):
        write_every_eval_ever(log, tmp_path / "none", moment=NOW)
