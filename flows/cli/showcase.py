"""`ttc showcase`: puts the demo's own output and figure into the README.

No number there is written by hand.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from flows.cli.evaluated import DEMO_TIME, answering
from tasks.publication.figures import first_curve
from tasks.publication.first_lines import first_lines
from tasks.publication.summary import RunSummary, load_summary
from tasks.settings import INFRA, ROOT
from tasks.tracking.first_screen import policy_markdown
from tasks.versions.version import version_of
from warehouse.errors import UserError
from warehouse.reader import Reader
from warehouse.snapshot import Snapshot

FIGURE = INFRA / "figures" / "demo.svg"
BEGIN = "<!-- showcase: written by `ttc showcase` -->"
END = "<!-- showcase ends -->"


def showcase(
    folder: Path,
    readme: Path = ROOT / "README.md",
    figure: Path = FIGURE,
    time: Path = DEMO_TIME,
) -> str:
    """Id of the demo run that the README now shows: the newest of the version that answers."""
    reader = Snapshot(folder)
    runs = reader.read(
        "SELECT run_id FROM complete_runs WHERE study = 'demo' ORDER BY completed_at"
    )
    if not len(runs):
        raise UserError(
            "showcase: expected a complete run of the demo in the warehouse, found none; "
            "run `ttc demo` first"
        )
    run_id = answering(reader, [version_of(reader, run) for run in runs["run_id"]]).run_id
    text = readme.read_text(encoding="utf-8")
    # What stands between the two marks is replaced; the rest is written by people.
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    summary = load_summary(reader, run_id)
    body = _body(reader, summary)
    page = f"{head}{BEGIN}\n{body}\n{END}{tail}"
    readme.write_text(page, encoding="utf-8")
    figure.write_text(first_curve(summary), encoding="utf-8")
    time.write_text(json.dumps(_time(reader)) + "\n", encoding="utf-8")
    return run_id


def _time(reader: Reader) -> dict[str, float]:
    """Wall seconds of the demo's runs, of a machine of so many cores."""
    sql = "SELECT sum(seconds) AS seconds FROM run_history WHERE study = 'demo'"
    return {"seconds": round(reader.read(sql).item()), "cores": os.cpu_count() or 1}


def _body(reader: Reader, summary: RunSummary) -> str:
    """The first lines, the policy's grid, the figure and an example, in Markdown."""
    words = "\n".join(f"- {line}" for line in first_lines(summary))
    grid = policy_markdown(summary, summary.used_difficulty)
    figure = "![accuracy against budget](infra/figures/demo.svg)"
    example = _example(reader, summary.run_id)
    caption = (
        "A question, two of the model's completions with its own check marks, and behind each "
        "step the verifier's score:"
    )
    return f"{words}\n\n{figure}\n\n{grid}\n\n{caption}\n\n```text\n{example}\n```"


# A question that the model answers rightly and wrongly, each with a score for every line. The
# completions that the verifier likes least of the wrong and best of the right ones.
_EXAMPLE = """
WITH whole AS (
    SELECT question_id, question, target, text, verdict, step_scores, score
    FROM question_draws
    WHERE run_id = $run_id AND role = 'proposer' AND whole AND replicate = 0
        AND len(step_scores) = len(string_split(trim(text, chr(10)), chr(10)))
        AND list_count(step_scores) = len(step_scores)
), mixed AS (
    SELECT question_id FROM whole GROUP BY question_id
    HAVING count(DISTINCT verdict) = 2 AND max(len(step_scores)) = 4
    ORDER BY question_id LIMIT 1
)
SELECT any_value(question) AS question, any_value(target) AS target, verdict,
    CASE verdict WHEN 'correct' THEN arg_max(text, score) ELSE arg_min(text, score) END AS text,
    CASE verdict WHEN 'correct' THEN arg_max(step_scores, score)
        ELSE arg_min(step_scores, score) END AS scores
FROM whole SEMI JOIN mixed USING (question_id)
GROUP BY verdict ORDER BY verdict <> 'correct' DESC
"""
_MARGIN = 11
"""Columns of the words at the left."""
_WIDE = 54
"""Columns of a completion's lines."""


def _example(reader: Reader, run_id: str) -> str:
    """A question, a wrong and a right completion, each step with its score, and the target."""
    rows = reader.read(_EXAMPLE, run_id=run_id).to_dicts()
    if len(rows) != 2:
        raise UserError(
            "showcase: expected a question of three steps that the demo answers rightly and "
            "wrongly, found none; run `ttc demo` with its own study"
        )
    lines = _beside("question", rows[0]["question"].split("\n"))
    for row in rows:
        steps = row["text"].strip("\n").split("\n")
        scored = zip(steps, row["scores"], strict=True)
        lines += _beside(row["verdict"], [f"{step:<{_WIDE}}{score:.2f}" for step, score in scored])
    lines += _beside("target", [rows[0]["target"]])
    return "\n".join(lines)


def _beside(name: str, texts: list[str]) -> list[str]:
    """The lines with a word before the first; empty ones left out."""
    full = [text for text in texts if text]
    heads = [name, *[""] * (len(full) - 1)]
    return [f"{head:<{_MARGIN}}{text}" for head, text in zip(heads, full, strict=True)]
