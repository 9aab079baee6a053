"""What the bundled models show, by SQL on the newest complete run of study `phenomena`.

`ttc run phenomena && python infra/bench/phenomena.py`: every row is a claim, the figure and whether
it holds.
"""

from __future__ import annotations

from typing import Any

from rich.console import Console

from flows.cli.sql import as_table
from tasks.settings import settings
from warehouse import snapshot

RUN = """
    SELECT run_id FROM complete_runs WHERE study = 'phenomena'
    ORDER BY completed_at DESC LIMIT 1"""
BEAM = "beam_search(m=4)/weighted"

CLAIMS: dict[str, str] = {
    "pass@1 of bin 1 is at least 0.8, of bin 5 between 0.01 and 0.15": """
        SELECT bin, questions, accuracy, lo, hi,
            CASE bin
                WHEN 1 THEN accuracy >= 0.8
                WHEN 5 THEN accuracy BETWEEN 0.01 AND 0.15
            END AS holds
        FROM accuracy
        WHERE run_id = $run AND difficulty = 'oracle' AND strategy = 'pass' AND budget = 1
        ORDER BY bin""",
    "the verifier's AUC within questions is at least 0.9": """
        WITH pool AS (
            SELECT question_id, verdict = 'correct' AS correct, score FROM question_draws
            WHERE run_id = $run AND whole AND score IS NOT NULL AND verdict IS NOT NULL
        ), pairs AS (
            SELECT
                question_id,
                avg((r.score > w.score)::INT + 0.5 * (r.score = w.score)::INT) AS auc
            FROM pool r JOIN pool w USING (question_id)
            WHERE r.correct AND NOT w.correct
            GROUP BY question_id
        )
        SELECT count(*) AS questions, avg(auc) AS auc, avg(auc) >= 0.9 AS holds FROM pairs""",
    "weighted at 16 is at least 10 points over pass@1": """
        SELECT *, difference >= 0.1 AS holds
        FROM contrast($run, 'oracle', 'weighted', 16, 'pass', 1)
        WHERE bin = 0""",
    "weighted at 16 is at least 3 points over majority where majority is between 0.1 and 0.9": """
        SELECT *, difference >= 0.03 AS holds
        FROM contrast($run, 'oracle', 'weighted', 16, 'majority', 16)
        WHERE bin > 0 AND accuracy_b BETWEEN 0.1 AND 0.9""",
    "beam search beats weighted at equal budget on hard bins, by its interval": """
        SELECT n AS budget, c.*, lo > 0 AS holds
        FROM (VALUES (4), (8), (16)) AS budgets(n),
            LATERAL (FROM contrast($run, 'oracle', $beam, n, 'weighted', n)) AS c
        WHERE bin >= 4
        ORDER BY ALL""",
    "beam search loses to weighted on at least one bin at some budget, by its interval": """
        SELECT n AS budget, c.*, hi < 0 AS holds
        FROM (VALUES (4), (8), (16), (64)) AS budgets(n),
            LATERAL (FROM contrast($run, 'oracle', $beam, n, 'weighted', n)) AS c
        WHERE bin > 0 AND hi < 0
        ORDER BY ALL""",
    "beam search at 16 reaches what weighted reaches at 64, over all questions": """
        SELECT *, difference >= 0 AS holds
        FROM contrast($run, 'oracle', $beam, 16, 'weighted', 64)
        WHERE bin = 0""",
    "best_of_n falls from 4 to 64 on an easy bin, by its interval": """
        SELECT *, hi < 0 AS holds FROM contrast($run, 'oracle', 'best_of_n', 64, 'best_of_n', 4)
        WHERE bin BETWEEN 1 AND 3""",
}


def main() -> None:
    """Print every claim with its figures."""
    folder = settings().warehouse
    runs = snapshot.query(folder, RUN)
    if not len(runs):
        raise SystemExit(
            "phenomena: expected a complete run of the study, found none; "
            "run `ttc run phenomena` first"
        )
    run = str(runs.item())
    console = Console(width=110)
    console.print(f"run {run}")
    for claim, sql in CLAIMS.items():
        parameters: dict[str, Any] = {"run": run} | ({"beam": BEAM} if "$beam" in sql else {})
        console.print(f"\n[bold]{claim}[/bold]")
        console.print(as_table(snapshot.query(folder, sql, parameters=parameters)))


if __name__ == "__main__":
    main()
