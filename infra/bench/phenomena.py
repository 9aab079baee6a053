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
    "adapting is ahead of the best single strategy by 5 points, at two budgets": """
        SELECT budget, accuracy, fixed, fixed_accuracy, ahead, ahead_lo, ahead_hi,
            ahead >= 0.05 AND ahead_lo > 0 AS holds
        FROM compute_optimal_curve WHERE run_id = $run AND difficulty = 'probe'
        ORDER BY budget""",
    "the policy names other strategies in easy bins than in hard ones": """
        SELECT budget, string_agg(strategy, ', ' ORDER BY bin) AS by_bin,
            any_value(strategy) FILTER (bin = 1) <> any_value(strategy) FILTER (bin = 5) AS holds
        FROM latest_policy WHERE run_id = $run AND difficulty = 'probe' AND budget > 1
        GROUP BY budget ORDER BY budget""",
    "a factor of at least 4 over weighted, lower end over 2, over 1 net of the probe's draws": """
        SELECT budget, text, factor, lo, net_factor,
            factor >= 4 AND coalesce(lo, 0) > 2 AND net_factor > 1 AS holds
        FROM efficiency_factor
        WHERE run_id = $run AND difficulty = 'probe' AND baseline LIKE 'weighted%' AND budget >= 16
        ORDER BY budget""",
    "best_of_n and search lose accuracy with budget on an easy bin, by the interval": """
        SELECT name AS strategy, n AS budget, c.*, hi < 0 AS holds
        FROM (VALUES ('best_of_n', 64), ($beam, 16), ($beam, 64)) AS two(name, n),
            LATERAL (FROM contrast($run, 'oracle', name, n, name, 4)) AS c
        WHERE bin BETWEEN 1 AND 2
        ORDER BY ALL""",
    "search is ahead of weighted at equal budget on a hard bin, by its interval": """
        SELECT n AS budget, c.*, lo > 0 AS holds
        FROM (VALUES (4), (8), (16), (64)) AS budgets(n),
            LATERAL (FROM contrast($run, 'oracle', $beam, n, 'weighted', n)) AS c
        WHERE bin >= 4
        ORDER BY ALL""",
    "search is behind weighted at equal budget on an easy bin, by its interval": """
        SELECT n AS budget, c.*, hi < 0 AS holds
        FROM (VALUES (4), (8), (16), (64)) AS budgets(n),
            LATERAL (FROM contrast($run, 'oracle', $beam, n, 'weighted', n)) AS c
        WHERE bin <= 2 AND bin > 0
        ORDER BY ALL""",
    "weighted helps little on the hardest bin: below 0.3 at 64": """
        SELECT bin, questions, accuracy, lo, hi, hi < 0.3 AS holds FROM accuracy
        WHERE run_id = $run AND difficulty = 'oracle' AND strategy = 'weighted' AND budget = 64
            AND bin = 5""",
    "pass@1 of bin 1 is at least 0.8, of bin 5 at most 0.15": """
        SELECT bin, questions, accuracy, lo, hi,
            CASE bin WHEN 1 THEN accuracy >= 0.8 WHEN 5 THEN accuracy <= 0.15 END AS holds
        FROM accuracy
        WHERE run_id = $run AND difficulty = 'oracle' AND strategy = 'pass' AND budget = 1
        ORDER BY bin""",
    "weighted at 16 is at least 10 points over pass@1": """
        SELECT *, difference >= 0.1 AS holds
        FROM contrast($run, 'oracle', 'weighted', 16, 'pass', 1)
        WHERE bin = 0""",
    "the verifier's AUC within questions is at least 0.9 on hard ones, and lower on easy ones": """
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
        SELECT
            if(bin <= 2, 'easy', 'hard') AS half, count(*) AS questions, avg(auc) AS auc,
            if(bin <= 2, avg(auc) < 0.9, avg(auc) >= 0.9) AS holds
        FROM pairs JOIN bins USING (question_id)
        WHERE run_id = $run AND difficulty = 'oracle' AND bin <> 3
        GROUP BY bin <= 2 ORDER BY ALL""",
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
