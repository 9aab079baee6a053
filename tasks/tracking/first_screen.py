"""The first screen of a run in MLflow: first lines, policy, links, and SQL that digs deeper."""

from __future__ import annotations

from typing import NamedTuple

from tasks.publication.cells import ShownCell, cell_name, loss_lines, policy_cells
from tasks.publication.first_lines import first_lines
from tasks.publication.headlines import headlines
from tasks.publication.recommendation import recommendation_lines
from tasks.publication.summary import RunSummary
from tasks.publication.words import half_width_text
from tasks.settings import settings
from tasks.strategies.names import short_names
from tasks.tracking.comparable import NO_BREAK_SPACE

_TRAINING = "workflowType=machine_learning"  # otherwise MLflow opens in its GenAI mode
_SIDE_BY_SIDE = f"{_TRAINING}&compareRunsMode=ARTIFACT"
"""Query of MLflow's runs page that opens its table view, where policies stand side by side."""


class FirstScreen(NamedTuple):
    """Markdown that stands above and below the links."""

    above: str
    """The first lines, the policy's grid and what follows them."""
    below: str
    """Ids of the run elsewhere, and SQL that digs deeper."""

    def with_links(self, links: dict[str, str]) -> str:
        """The whole screen; `links` are addresses by name."""
        named = [f"[{name}]({address})" for name, address in links.items()]
        line = " · ".join(named)
        return f"{self.above}\n\n{line}\n\n{self.below}"


def first_screen(summary: RunSummary) -> FirstScreen:
    """The run's first screen, but for its links: they need the ids that MLflow gives."""
    blocks = [_listed(first_lines(summary))]
    if summary.difficulties:
        blocks.append(policy_markdown(summary, summary.used_difficulty))
        blocks.append(_listed(recommendation_lines(summary)))
    blocks.append(_listed(headlines(summary)))
    prefect = summary.prefect_run_id or "none"
    origin = (
        f"Warehouse run `{summary.run_id}`, Prefect run `{prefect}`, "
        f"answers judged by grader `{summary.run['grader']}`."
    )
    queries = "\n".join(_queries(summary.run_id))
    return FirstScreen(
        above="\n\n".join(filter(None, blocks)),
        below=f"{origin}\n\nDig deeper:\n\n```\n{queries}\n```",
    )


def _listed(sentences: list[str]) -> str:
    """As a Markdown list; empty for none."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def run_links(prefect_run_id: str | None, *, experiment: str, run: str, uri: str) -> dict[str, str]:
    """Addresses by name: the report and the side-by-side table in MLflow, the run in Prefect.

    `experiment` and `run` are MLflow's ids.
    """
    here = settings()
    # A file store has no page of its own: the server of `ttc up` shows it.
    mlflow = uri if uri.startswith("http") else here.mlflow_address
    page = f"{mlflow.rstrip('/')}/#/experiments/{experiment}"
    links = {
        "HTML report": f"{page}/runs/{run}/artifacts/report.html?{_TRAINING}",
        "Model versions side by side": f"{page}/runs?{_SIDE_BY_SIDE}",
    }
    if prefect_run_id:
        links["Prefect run"] = f"{here.prefect_page}/runs/flow-run/{prefect_run_id}"
    return links


def policy_markdown(summary: RunSummary, difficulty: str) -> str:
    """The policy as a Markdown table, bins × budgets, with what its marks mean."""
    policy = policy_cells(summary, difficulty)
    names = short_names(summary.strategies)
    budgets = sorted({cell.budget for cell in policy})
    by_place = {(cell.bin, cell.budget): cell for cell in policy}
    heads = ["bin", *(f"N = {budget}" for budget in budgets)]
    lines = [
        _grid_row(heads),
        "|---" * len(heads) + "|",
    ]
    for bin_ in sorted({cell.bin for cell in policy}):
        cells = [by_place.get((bin_, budget)) for budget in budgets]
        texts = [_cell_text(names, cell) for cell in cells]
        lines.append(_grid_row([f"**{bin_}**", *texts]))
    lines.append("")  # Markdown ends a table at an empty line
    lines.append(
        "± half the 95 % interval; ≈ undecided, the cheapest is named; bin 1 is the easiest."
    )
    lines += [f"{line}." for line in loss_lines([cell.loss for cell in policy])]
    return "\n".join(lines)


def _grid_row(values: list[str]) -> str:
    """One line of a Markdown table."""
    joined = " | ".join(values)
    return f"| {joined} |"


def _cell_text(names: dict[str, str], cell: ShownCell | None) -> str:
    """`beam m=4 0.62±.03`, bold where it is decided; `–` for a cell that is not there."""
    if cell is None:
        return "–"
    name = cell_name(cell, names)
    undecided = f"{name} ≈" if cell.is_recommended else name
    strategy = f"**{name}**" if cell.decided else undecided
    half = half_width_text(cell.half).replace(" ", "")
    words = f"{strategy} {cell.accuracy:.2f}{half} "
    # One unbroken line a cell, so that five bins fit on the folded screen.
    return words.replace(" ", NO_BREAK_SPACE)


def _queries(run_id: str) -> list[str]:
    """Commands to paste: the run's policy, its accuracies by bin, its completions."""
    return [
        f"ttc sql \"FROM policies WHERE run_id = '{run_id}' ORDER BY difficulty, bin, budget\"",
        f"ttc sql \"FROM accuracy WHERE run_id = '{run_id}' AND bin > 0 ORDER BY ALL\"",
        f"ttc sql \"FROM question_draws WHERE run_id = '{run_id}' LIMIT 20\"",
    ]
