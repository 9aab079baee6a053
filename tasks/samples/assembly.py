"""Draws of one model on one task, put together from the rows of its files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tasks.benchmarks.question import Question
from tasks.samples.log import Sample, SampleLog
from tasks.samples.rows import Refusals
from tasks.samples.ways import Way

TWICE = "the same draw stands twice"
CONTRADICTION = "the same draw stands twice with different texts: the first one counts"
OTHER_QUESTION = "the id stands for another question before"
COPY = "the draws of another file again: a copy, or drawn greedily or from the same seed"
GREEDY = "drawn greedily (temperature 0): each draw repeats the first, which alone counts"
NO_NUMBER = "a score is no finite number: the draw was taken without its scores"

_NO_CHANCE = 300
"""So many characters are not drawn alike by chance; single letters are, all the time."""

Position = tuple[int, ...]
Key = tuple[str, Position]
"""A question, and which of its draws in one run."""


class Origin(NamedTuple):
    """Whose draws, of what and how: only draws that agree in all of it make one pool."""

    model: str | None = None
    task: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    way: Way = Way()

    @property
    def is_greedy(self) -> bool:
        """Whether every draw takes the likeliest token: the same text, but for rounding."""
        return self.temperature == 0 or self.top_k == 1


class Assembly:
    """Collects the questions and draws of one origin."""

    def __init__(self, format: str, origin: Origin) -> None:
        self.format, self.origin = format, origin
        self.refusals = Refusals()
        self.verifier: str | None = None
        self.paths: list[Path] = []
        self._questions: dict[str, Question] = {}
        self._runs: dict[str, dict[Key, Sample]] = {}
        self._long: set[tuple[str, Sample]] = set()
        self._next: dict[tuple[str, str], int] = {}

    def ask(self, question: Question, place: str) -> bool:
        """Notes the question; False where its id stands for another one, which is counted."""
        known = self._questions.setdefault(question.question_id, question)
        if known is question or known == question:
            return True
        other_text = known.text and question.text and known.text != question.text
        other_target = known.target and question.target and known.target != question.target
        if other_text or other_target:
            self.refusals.add(OTHER_QUESTION, place)
            return False
        # What one file lacks another one has: a batch its targets, predictions theirs.
        whole = replace(
            known,
            text=known.text or question.text,
            target=known.target or question.target,
            accepted=known.accepted or question.accepted,
        )
        self._questions[question.question_id] = whole
        return True

    def draw(self, run: object, position: Position, sample: Sample) -> None:
        """Notes one draw, by its place among those of its question in that run (file, seed)."""
        draws = self._runs.setdefault(str(run), {})
        key = (sample.question_id, position)
        # Who wrote a line twice may have retried: what came first is what was answered first.
        known = draws.setdefault(key, sample)
        if known is not sample:
            same = known.text == sample.text
            self.refusals.add(TWICE if same else CONTRADICTION, sample.place)

    def draw_next(self, run: object, sample: Sample) -> None:
        """Notes one draw of a source that numbers none: the next of its question.

        A long one that is there already in all its parts is the same one again.
        """
        if len(sample.text) >= _NO_CHANCE:
            identity = (str(run), replace(sample, place=""))
            if identity in self._long:
                self.refusals.add(TWICE, sample.place)
                return
            self._long.add(identity)
        counted = (str(run), sample.question_id)
        place = self._next.get(counted, 0)
        self._next[counted] = place + 1
        self.draw(run, (place,), sample)

    def log(self, task: str | None) -> SampleLog:
        """All of it under that name of the task.

        Draws are renumbered from 0 a question, in the order of runs and positions.
        """
        by_question = self._draws()
        samples: list[Sample] = []
        asked: dict[str, Question] = {}
        for name, several in by_question.items():
            # Questions whose draws were all refused are not in the log.
            if several:
                samples += several
                asked[name] = self._questions[name]
        origin = self.origin
        return SampleLog(
            format=self.format,
            model=origin.model,
            task=task,
            questions=asked,
            samples=samples,
            verifier=self.verifier if any(sample.scores for sample in samples) else None,
            temperature=origin.temperature,
            top_p=origin.top_p,
            top_k=origin.top_k,
            max_tokens=origin.max_tokens,
            refused=self.refusals.listed(),
            paths=self.paths,
        )

    def _draws(self) -> dict[str, list[Sample]]:
        """The draws of each question, those of a run in the order of their positions."""
        by_question: dict[str, list[Sample]] = {name: [] for name in self._questions}
        for run in self._independent_runs():
            keys = sorted(run, key=lambda key: key[1])
            for key in keys:
                samples = by_question[key[0]]
                if samples and self.origin.is_greedy:
                    self.refusals.add(GREEDY, run[key].place)
                    continue
                numbered = replace(run[key], draw=len(samples))
                samples.append(numbered)
        return by_question

    def _independent_runs(self) -> list[dict[Key, Sample]]:
        """The runs; of those that repeat another one only what that one lacks, added to it."""
        kept: list[dict[Key, Sample]] = []
        places: list[int] = []
        holders: dict[Key, list[int]] = {}
        runs = list(enumerate(self._runs.values()))
        # The whole before its parts: two of these may have nothing in common.
        runs.sort(key=lambda numbered: -len(numbered[1]))
        for place, run in runs:
            index = _original(run, kept, holders)
            if index is None:
                index = len(kept)
                kept.append({})
                places.append(place)
            own = kept[index]
            for key, sample in run.items():
                if key in own:
                    self.refusals.add(COPY, sample.place)
                    continue
                own[key] = sample
                holding = holders.setdefault(key, [])
                holding.append(index)
        in_order = sorted(range(len(kept)), key=places.__getitem__)
        return [kept[index] for index in in_order]


def _original(
    run: dict[Key, Sample], kept: list[dict[Key, Sample]], holders: dict[Key, list[int]]
) -> int | None:
    """Which earlier run this one repeats: all that both hold is alike, and no chance; else None."""
    different: set[int] = set()
    alike: dict[int, int] = {}
    for key, sample in run.items():
        for index in holders.get(key, ()):
            if index in different:
                continue
            theirs = kept[index][key]
            if theirs.text == sample.text:
                alike[index] = alike.get(index, 0) + len(sample.text)
            else:
                different.add(index)
        # Mostly so after the first key: runs are compared fast.
        if len(different) == len(kept):
            return None
    certain: list[int] = []
    for index, characters in alike.items():
        if index not in different and characters >= _NO_CHANCE:
            certain.append(index)
    return min(certain, default=None)


class Assemblies:
    """The assemblies of several files of one format, by origin."""

    def __init__(self, format: str) -> None:
        self.format = format
        self._by_origin: dict[Origin, Assembly] = {}
        self._refused: list[tuple[Path, Refusals, Origin]] = []

    def of(self, origin: Origin, path: Path) -> Assembly:
        """The assembly of that origin, which that file adds to."""
        assembly = self._by_origin.get(origin)
        if assembly is None:
            assembly = self._by_origin[origin] = Assembly(self.format, origin)
        # Nearly always the last one: rows of a file stand together.
        if path not in assembly.paths[-1:] and path not in assembly.paths:
            assembly.paths.append(path)
        return assembly

    def refuse(self, path: Path, refusals: Refusals, origin: Origin) -> None:
        """Tells what was refused of a file, in a log that it or its folder adds to.

        Where there is none, in one of `origin` that has no draws.
        """
        self._refused.append((path, refusals, origin))

    def logs(self) -> list[SampleLog]:
        """One log an origin; a task that was drawn in several ways is named with each."""
        for path, refusals, origin in self._refused:
            if refusals.listed():
                holder = self._holder(path, origin)
                holder.refusals.take(refusals)
        names = self._names()
        logs: list[SampleLog] = []
        for origin, assembly in self._by_origin.items():
            log = assembly.log(names[origin])
            logs.append(log)
        return logs

    def _names(self) -> dict[Origin, str | None]:
        """What the task of each origin is called: with its way where it has several."""
        ways: dict[Origin, list[Way]] = {}
        for origin in self._by_origin:
            # What a file holds that was all refused is of no way.
            if not origin.way.name:
                continue
            alike = origin._replace(way=Way())
            several = ways.setdefault(alike, [])
            several.append(origin.way)
        names: dict[Origin, str | None] = {}
        for origin in self._by_origin:
            alike = origin._replace(way=Way())
            several = ways.get(alike, [])
            names[origin] = origin.task
            if origin.way.name and len(several) > 1:
                name = _name_among(several, origin.way)
                names[origin] = f"{origin.task or 'task'} ({name})"
        return names

    def _holder(self, path: Path, origin: Origin) -> Assembly:
        several = list(self._by_origin.values())
        for assembly in several:
            if path in assembly.paths:
                return assembly
        # Errors mostly stand in a file of their own, beside what went well.
        for assembly in several:
            folders = {file.parent for file in assembly.paths}
            if path.parent in folders:
                return assembly
        return self.of(origin, path)


def _name_among(several: list[Way], way: Way) -> str:
    """The word for a way, with the digest where another one has the same word."""
    names = [other.name for other in several]
    if names.count(way.name) == 1:
        return way.name
    return f"{way.word} {way.digest[:8]}"


def question_of(
    question_id: str, text: str, targets: Iterable[str], *, choices: Iterable[str] = ()
) -> Question:
    """A question with its first target, the others accepted beside it."""
    several = list(targets)
    target = several[0] if several else ""
    return Question(
        question_id,
        text,
        target,
        accepted=tuple(several[1:]),
        choices=tuple(choices),
    )
