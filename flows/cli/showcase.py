"""`ttc showcase`: puts the demo's own output and figure into the README.

No number there is written by hand.
"""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from tasks.publication.figures import accuracy_by_budget
from tasks.publication.headlines import headlines
from tasks.publication.policy_table import policy_text
from tasks.publication.summary import RunSummary, load_summary
from tasks.settings import INFRA, ROOT
from warehouse import snapshot
from warehouse.errors import UserError

FIGURE = INFRA / "figures" / "demo.svg"
BEGIN = "<!-- showcase: written by `ttc showcase` -->"
END = "<!-- showcase ends -->"


def showcase(folder: Path, readme: Path = ROOT / "README.md") -> str:
    """Id of the demo run that the README now shows: the newest complete one in the warehouse."""
    runs = snapshot.query(
        folder,
        "SELECT run_id FROM complete_runs WHERE study = 'demo' ORDER BY completed_at DESC LIMIT 1",
    )
    if not len(runs):
        raise UserError(
            "showcase: expected a complete run of the demo in the warehouse, found none; "
            "run `ttc demo` first"
        )
    run_id = str(runs["run_id"].item())
    text = readme.read_text(encoding="utf-8")
    # What stands between the two marks is replaced; the rest is written by people.
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    body = _body(folder, run_id)
    page = f"{head}{BEGIN}\n{body}\n{END}{tail}"
    readme.write_text(page, encoding="utf-8")
    return run_id


def _body(folder: Path, run_id: str) -> str:
    """The policy table as the terminal prints it, the headlines and the figure, in Markdown."""
    summary = load_summary(snapshot.Snapshot(folder), run_id)
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    FIGURE.write_text(accuracy_by_budget(summary), encoding="utf-8")
    words = "\n".join(f"- {line}" for line in headlines(summary))
    figure = "![accuracy against budget](infra/figures/demo.svg)"
    return f"```text\n{_table(summary)}\n```\n\n{words}\n\n{figure}"


def _table(summary: RunSummary) -> str:
    """The policy as the terminal prints it, 100 columns wide."""
    paper = io.StringIO()
    # Colours would stand in the README as escape sequences.
    console = Console(file=paper, width=100, force_terminal=False, color_system=None)
    console.print(policy_text(summary))
    # Rich fills lines with blanks, which every later diff would show.
    lines = (line.rstrip() for line in paper.getvalue().splitlines())
    return "\n".join(lines).rstrip()
