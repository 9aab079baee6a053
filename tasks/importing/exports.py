"""A run of ours as a sample log, for other tools to read."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tasks.asking.plan import whole_sampling
from tasks.benchmarks.question import Question
from tasks.models.texts import IMPORTED
from tasks.samples.log import Sample, SampleLog, Stated
from tasks.study.study import study_from
from warehouse.errors import UserError
from warehouse.reader import Reader

FORMAT = "ttc"

_QUESTIONS = """
SELECT question_id, question, target, level, accepted, choices, tests, question_group
FROM questions
JOIN runs USING (benchmark_fingerprint)
JOIN run_questions USING (run_id, question_id)
WHERE run_id = $run_id ORDER BY question_id
"""

# Whole completions drawn in one piece: steps of a search and revisions depend on each other.
_DRAWS = """
WITH theirs AS (
    SELECT prefix_key, stated_verdicts.replicate AS replicate, child,
        list({'metric': metric, 'value': value, 'answer': answer} ORDER BY metric) AS stated
    FROM stated_verdicts
    JOIN runs USING (model_fingerprint, benchmark_fingerprint)
    WHERE run_id = $run_id AND sampling_key = $sampling
    GROUP BY ALL
)
SELECT question_id, role, text, stop, generated_tokens, thinking_tokens, step_scores, answer,
    verdict, stated
FROM question_draws
LEFT JOIN theirs USING (prefix_key, replicate, child)
WHERE run_id = $run_id AND role IN ('proposer', 'difficulty')
    AND sampling_key = $sampling AND replicate IN ($replicate, -1 - $replicate)
ORDER BY question_id, role DESC, child
"""


def log_of_run(reader: Reader, run_id: str) -> SampleLog:
    """The whole completions of a run, its pool's first; UserError for an unknown run.

    A draw's verdict is stated under our grader's name; steps of searches and revisions are not
    independent of each other and stay here.
    """
    rows = reader.read("SELECT * FROM runs WHERE run_id = $run_id", run_id=run_id).to_dicts()
    if not rows:
        raise UserError(
            f"export: expected the id of a run, got {run_id!r}; `ttc status` lists them"
        )
    (run,) = rows
    study = study_from(json.loads(run["study_json"]))
    sampling = whole_sampling(study.generator).key
    questions = reader.read(_QUESTIONS, run_id=run_id).to_dicts()
    draws = reader.read(
        _DRAWS,
        run_id=run_id,
        sampling=sampling,
        replicate=study.replicate,
    ).to_dicts()
    return SampleLog(
        format=FORMAT,
        model=_original(run["model"]),
        task=run["benchmark"],
        questions={row["question_id"]: _question(row) for row in questions},
        samples=_samples(draws, run["grader"]),
        verifier=_original(run["verifier"]) if run["verifier"] else None,
        **_settings(reader, sampling),
    )


def _original(name: str) -> str:
    """What a log called a model, whose name here has the hash of its draws behind it."""
    if not name.startswith(IMPORTED):
        return name
    return name.removeprefix(IMPORTED).rpartition("@")[0]


def _settings(reader: Reader, sampling: str) -> dict[str, Any]:
    """How the draws were made; None for what a log did not tell."""
    rows = reader.read(
        "SELECT temperature, top_p, top_k, max_tokens FROM samplings WHERE sampling_key = $key",
        key=sampling,
    )
    return rows.row(0, named=True)


def newest_run(reader: Reader) -> str:
    """Id of the run that was complete last; UserError where there is none."""
    rows = reader.read("SELECT run_id FROM complete_runs ORDER BY completed_at DESC LIMIT 1")
    if not len(rows):
        raise UserError("export: expected a complete run, got none yet; run a study first")
    return str(rows.item())


def _question(row: dict[str, Any]) -> Question:
    return Question(
        question_id=row["question_id"],
        text=row["question"],
        target=row["target"],
        level=row["level"],
        accepted=tuple(row["accepted"] or ()),
        choices=tuple(row["choices"] or ()),
        tests=tuple(row["tests"] or ()),
        group=row["question_group"],
    )


def _samples(rows: list[dict[str, Any]], grader: str) -> list[Sample]:
    """The draws, numbered through for each question: its pool's first, then those of its bin."""
    counts: Counter[str] = Counter()
    samples: list[Sample] = []
    for row in rows:
        question = row["question_id"]
        samples.append(_sample(row, counts[question], grader))
        counts[question] += 1
    return samples


def _sample(row: dict[str, Any], draw: int, grader: str) -> Sample:
    scores = row["step_scores"] or []
    # A score that is missing leaves the completion without one.
    known = () if None in scores else tuple(scores)
    # What its source said of it first; our own verdict under our grader's name.
    theirs = [Stated(**said) for said in row["stated"] or () if said["metric"] != grader]
    ours = Stated(grader, float(row["verdict"] == "correct"), row["answer"])
    return Sample(
        question_id=row["question_id"],
        draw=draw,
        text=row["text"],
        stop=row["stop"],
        tokens=row["generated_tokens"],
        thinking_tokens=row["thinking_tokens"],
        scores=known,
        stated=(*theirs, ours),
        role=row["role"],
    )
