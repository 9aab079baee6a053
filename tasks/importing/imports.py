"""A sample log made a run: its study, its questions, and its draws in the warehouse."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tasks.benchmarks.benchmark import load_benchmark
from tasks.benchmarks.kinds import AnswerKind, guess_kind
from tasks.benchmarks.loaded import LoadedBenchmark
from tasks.benchmarks.question import Question
from tasks.importing.cleaning import clean_log
from tasks.importing.questions import Matched, match_questions, write_questions
from tasks.importing.records import is_logit, record_log
from tasks.importing.splitting import LEAST_DIFFICULTY, Division, divide
from tasks.importing.wishes import Wishes
from tasks.models.texts import IMPORTED
from tasks.runs.completeness import FAILURES
from tasks.runs.loading import prepare_run
from tasks.runs.opening import complete_run, open_run
from tasks.samples.log import Refusal, Sample, SampleLog
from tasks.study.study import Study, study_from
from warehouse.errors import UserError
from warehouse.folder import write_whole
from warehouse.store import Store

VERSION = "1"
"""Of how a log becomes draws: another one makes other model versions of the same log."""


class Imported(NamedTuple):
    """A log ready to be a run; nothing is in the warehouse yet."""

    log: SampleLog
    study: Study
    study_file: Path
    """The study as a file, to be changed and run again."""
    matched: Matched
    division: Division
    kind: AnswerKind

    @property
    def asked(self) -> dict[str, Question]:
        """The questions that the run has, by the log's ids."""
        kept = self.division.pool
        return {key: one for key, one in self.matched.questions.items() if key in kept}

    @property
    def refused(self) -> list[Refusal]:
        """All that was left out, the reader's refusals first."""
        ours = (
            ("the benchmark has no such question", self.matched.unknown),
            ("another question has the same text", self.matched.copies),
            ("the question has no text or no target", self.matched.blank),
            ("the question has fewer draws than the others", self.division.left_out),
        )
        said = [Refusal(reason, len(keys), keys[0]) for reason, keys in ours if keys]
        return [*self.log.refused, *said]

    @property
    def logits(self) -> bool:
        """Whether the scores were taken through a sigmoid."""
        return is_logit(self.division.samples)

    @property
    def unscored(self) -> int:
        """Completions without a score, in a log that has some."""
        return _unscored(self.division)

    @property
    def rescored(self) -> int:
        """Completions that have the very text of another one and another score, which is not
        theirs here: one text has one score."""
        scores: dict[tuple[str, str], tuple[float, ...]] = {}
        count = 0
        for sample in self.division.samples:
            first = scores.setdefault((sample.question_id, sample.text), sample.scores)
            count += first != sample.scores
        return count


def prepare_import(log: SampleLog, home: Path, wishes: Wishes) -> Imported:
    """The study of a log, its questions written into a folder of the state folder.

    UserError where no run can be made of it.
    """
    _check_draws(log, wishes)
    log = clean_log(log)
    benchmark = None
    if wishes.benchmark:
        benchmark = load_benchmark(wishes.benchmark, count=None, seed=0)
    matched = match_questions(log, benchmark)
    wanted = [one for one in log.samples if one.question_id in matched.questions]
    division = divide(wanted, draws=wishes.draws)
    kept = [one for key, one in matched.questions.items() if key in division.pool]
    name = wishes.name or (benchmark.name if benchmark else None) or log.task or log.format
    kind = _kind(wishes, benchmark, kept, name)
    folder = home / "imports" / _slug(f"{name}-{wishes.model or log.model or log.format}")
    questions = write_questions(folder, name, kept, kind)
    study = study_from(_study_values(log, wishes, division, name=name, questions=questions))
    # Every refusal happens here, before anything is written into the warehouse.
    prepare_run(study, study.generator.models[0], run_id="")
    study_file = folder / "study.toml"
    write_whole(study_file, _as_toml(study).encode())
    return Imported(log, study, study_file, matched, division, kind)


def _check_draws(log: SampleLog, wishes: Wishes) -> None:
    """UserError for a log without draws, with the reasons, and for too few that are wished for."""
    if not log.samples:
        reasons = "; ".join(f"{one.reason} ({one.count:,})" for one in log.refused)
        raise UserError(
            f"import: expected independent draws in the log of format {log.format}, all were "
            f"left out: {reasons or 'it has none'}"
        )
    if wishes.draws is not None and wishes.draws <= LEAST_DIFFICULTY:
        raise UserError(
            f"import: expected --draws of {LEAST_DIFFICULTY + 1} or more, {LEAST_DIFFICULTY} of "
            f"which tell how hard a question is, got {wishes.draws}"
        )


def _kind(
    wishes: Wishes, benchmark: LoadedBenchmark | None, questions: list[Question], name: str
) -> AnswerKind:
    if wishes.answer:
        return AnswerKind(wishes.answer, "the command line says so")
    return benchmark.kind if benchmark else guess_kind(questions, name)


def _study_values(
    log: SampleLog, wishes: Wishes, division: Division, *, name: str, questions: Path
) -> dict[str, Any]:
    """The study of a log, as a parsed TOML file."""
    model = wishes.model or log.model or log.format
    digest = _digest(division)
    strategies = ["majority"]
    if division.counts.pool >= 3:
        strategies.append("adaptive(agree=3)")
    # Those that finish first are known by their tokens.
    is_counted = all(sample.tokens is not None for sample in division.samples)
    if is_counted and division.counts.pool >= 3:
        strategies.append("first(m=3)")
    # More failed scores than a verifier of ours may have: nothing is chosen by them.
    has_scores = _unscored(division) <= FAILURES * len(division.samples)
    if has_scores:
        strategies += ["best_of_n", "weighted"]
    known = {"temperature": log.temperature, "top_p": log.top_p, "top_k": log.top_k}
    sampling = {key: value for key, value in known.items() if value is not None}
    # Greedy draws would all be one; what a log calls 0 was hardly so where there are several.
    if not sampling.get("temperature", 1):
        del sampling["temperature"]
    format: Any = "imported"
    if wishes.marker:
        format = {"like": "imported", "answer_marker": list(wishes.marker)}
    return {
        "name": f"{name} of {model}",
        "benchmark": str(questions),
        "benchmark_name": name,
        "budgets": list(division.budgets),
        "strategies": strategies,
        "baseline": "weighted" if has_scores else "majority",
        "difficulty_draws": division.counts.difficulty,
        "probe_draws": min(4, division.counts.difficulty),
        "generator": {
            "models": [f"{IMPORTED}{model}@{digest}"],
            "family": wishes.family or model,
            "format": format,
            "max_tokens": log.max_tokens or MAX_TOKENS,
            **sampling,
        },
        "verifier": _verifier(log, wishes, digest) if has_scores else None,
    }


def _unscored(division: Division) -> int:
    # What was cut is shown to no verifier.
    return sum(one.stop != "limit" and not one.scores for one in division.samples)


MAX_TOKENS = 1_000_000
"""Stands where a log does not say what a completion's limit was: nothing is drawn by it."""


def _verifier(log: SampleLog, wishes: Wishes, digest: str) -> dict[str, Any]:
    name = log.verifier or "score"
    return {
        "model": f"{IMPORTED}{name}@{digest}",
        "format": "stated",
        "aggregate": wishes.aggregate,
    }


def _digest(division: Division) -> str:
    """8 hex digits over all that is taken from a log: the same draws are the same version."""
    content = hashlib.sha256(VERSION.encode())
    for several in (division.pool, division.difficulty):
        for key in sorted(several):
            for sample in several[key]:
                content.update(_facts(sample))
    return content.hexdigest()[:8]


def _facts(sample: Sample) -> bytes:
    values = (sample.question_id, sample.text, sample.stop, sample.tokens, sample.scores)
    return json.dumps(values).encode()


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:100] or "log"


def _as_toml(study: Study) -> str:
    """The study as a file that says what it needs to and no more."""
    lines: list[str] = []
    tables: list[str] = []
    usual = Study(name=study.name)
    for key, value in dataclasses.asdict(study).items():
        if key == "name" or (value == dataclasses.asdict(usual)[key] and key != "verifier"):
            continue
        if isinstance(value, Mapping):
            tables += ["", f"[{key}]", *_toml_lines(value)]
        elif value is not None:
            lines += _toml_lines({key: value})
    return "\n".join([*lines, *tables, ""])


def _toml_lines(values: Mapping[str, Any]) -> list[str]:
    # Texts, numbers and lists of JSON are those of TOML.
    return [
        f"{key} = {_toml_value(value)}" for key, value in values.items() if value not in (None, {})
    ]


def _toml_value(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key} = {_toml_value(one)}" for key, one in value.items())
        return f"{{ {inner} }}"
    return json.dumps(value, ensure_ascii=False)


class Written(NamedTuple):
    """The run that a log is."""

    run_id: str
    is_new: bool
    """Whether it is still to be evaluated; else it was there, complete, with the same content."""


def write_import(store: Store, imported: Imported) -> Written:
    """The run that the log is: the complete one of the same content, or one opened for it."""
    study = imported.study
    (model,) = study.generator.models
    done = complete_run(store, study, model)
    if done:
        return Written(done, is_new=False)
    run_id = open_run(store, study, model)
    run = prepare_run(study, model, run_id=run_id)
    # As the run asks them: a file's texts lose the white space around them.
    by_id = {one.question_id: one for one in run.benchmark.questions}
    asked = {key: by_id[one.question_id] for key, one in imported.asked.items()}
    record_log(store, run, imported.log, imported.division, asked)
    return Written(run_id, is_new=True)
