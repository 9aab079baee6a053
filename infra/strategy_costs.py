"""The table of costs in infra/STRATEGIES.md.

    PYTHONPATH=.:tests/fakes python infra/strategy_costs.py

Every strategy is run at one budget on questions of the bundled benchmark by a scripted engine, with
completions of known steps, so that the table is the same wherever it is made. What a strategy takes
is shown in units of one plain completion: it depends on a model only by how its draws agree and are
scored.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripted_runs import run_all, small_study

from tasks.strategies import STRATEGIES
from tasks.strategies.names import short_names
from tasks.study.own_files import SHIPPED, read_files
from warehouse.snapshot import Snapshot

PAGE = Path(__file__).with_name("STRATEGIES.md")
START = "<!-- costs: written by infra/strategy_costs.py -->"
END = "<!-- costs end -->"
BUDGET = 16
QUESTIONS = 40

FILES = (
    "esc.py:windows",
    "adaptive_consistency.py:certain",
    "good_enough.py:good_enough",
    "speculative_rejection.py:reject",
    "wider_or_deeper.py:branch",
)

# In units of a plain completion: its own tokens, those of the prompt, and those that a verifier
# reads to score it.
_COSTS = """
WITH plain AS (
    SELECT avg(generated_tokens) AS generated, avg(prompt_tokens) AS prompt
    FROM outcomes WHERE strategy = 'pass' AND budget = 1
), scored AS (
    SELECT avg(verifier_tokens) AS verifier
    FROM outcomes WHERE strategy = 'best_of_n' AND budget = 1
)
SELECT
    strategy,
    avg(outcomes.generations) AS drawn,
    avg(generated_tokens) / any_value(plain.generated) AS generated,
    avg(prompt_tokens - cached_tokens) / any_value(plain.prompt) AS prompt,
    avg(verifier_tokens) / any_value(scored.verifier) AS verifier,
    avg(latency_tokens) / any_value(plain.generated) AS latency
FROM outcomes, plain, scored
WHERE strategy <> 'pass' AND budget = $budget
GROUP BY strategy
"""


def strategies() -> list[str]:
    """Examples of all that is built in but caps on thinking, then the files that are shipped."""
    # What a cap on thinking costs depends on how long a model thinks: it is no multiple of a draw.
    plain = [form for form in STRATEGIES.values() if form.cap is None]
    built_in = [one for form in plain for one in form.example.split(" or ")]
    return [*built_in, *FILES]


def cost_table(folder: Path) -> str:
    """The table, from a run that is made in the folder."""
    texts = strategies()
    keys, files = read_files(texts, SHIPPED)
    study = small_study(
        questions=QUESTIONS,
        budgets=[1, BUDGET],
        strategies=keys,
        strategy_files=files,
        revisions={},
        exchange={},
        difficulty_draws=2,
    )
    run_all(folder, study)
    rows = Snapshot(folder).read(_COSTS, budget=BUDGET)
    costs = {key: figures for key, *figures in rows.iter_rows()}
    names = short_names(keys)
    lines = [
        "| strategy | key | drawn | generated | prompts read | verifier | in a row |",
        "| --- | --- | --: | --: | --: | --: | --: |",
    ]
    for text, key in zip(texts, keys, strict=True):
        lines.append(_line(names[key], text, costs[key]))
    return "\n".join(lines)


def _line(name: str, text: str, costs: Sequence[float]) -> str:
    figures = " | ".join(f"{cost:.2g}" for cost in costs)
    return f"| {name} | `{text}` | {figures} |"


def renew(page: str, table: str) -> str:
    """The page with this table; ValueError when the marks around it are gone."""
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"STRATEGIES.md: expected the lines {START!r} and {END!r}; put them back")
    return f"{before}{START}\n{table}\n{END}{after}"


def main() -> None:
    """Write the table into the page."""
    with tempfile.TemporaryDirectory() as folder:
        table = cost_table(Path(folder) / "warehouse")
    PAGE.write_text(renew(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")


if __name__ == "__main__":
    main()
