"""That each recipe of infra/CONTRIBUTING.md works: a program, run in a copy that followed it.

`python tests/fakes/recipe_proofs.py TITLE FOLDER` prints `proven` at its end, or fails.
"""

# Rooms are imported where they are needed: a title's proof starts without those of the others.

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.settings import ROOT


def evaluate(folder: Path, **changes: object) -> str:
    """Id of a whole run of ten questions with a scripted engine, and a snapshot of it."""
    from scripted_runs import run_all, small_study

    from warehouse.store import Store

    least = {"questions": 10, "budgets": [1, 2, 4], "difficulty_draws": 4}
    run_id = run_all(folder, small_study(**least | changes))
    with Store.open(folder) as store:
        store.publish_snapshot()
    return run_id


def ask(folder: Path, sql: str) -> list[tuple[object, ...]]:
    """Rows of an answer, as a user of `ttc sql` gets them."""
    from warehouse.snapshot import query

    return query(folder, sql).rows()


def prove_strategy(folder: Path, key: str, budgets: int) -> None:
    """All questions have outcomes at every budget, and the policy is made of it."""
    evaluate(folder, strategies=[key], baseline=key)
    cells = f"SELECT budget, count(*) FROM run_outcomes WHERE strategy = '{key}' GROUP BY budget"
    assert [questions for _, questions in ask(folder, cells)] == [10] * budgets
    assert ask(folder, "SELECT DISTINCT strategy FROM policies") == [(key,)]


def prove_search_strategy(folder: Path) -> None:
    prove_strategy(folder, "above_mean/weighted", 3)


def prove_pool_strategy(folder: Path) -> None:
    from tasks.statistics.selectors import Candidate
    from tasks.strategies import parse

    prove_strategy(folder, "vote_from(n=4)", 3)
    # b has the best draw, a the larger sum.
    draws = [Candidate("a", 0.5), Candidate("b", 0.6), Candidate("a", 0.5), Candidate(None, 0.9)]
    strategy = parse("vote_from(n=4)")
    assert strategy.choose([draws[:3]], 3).answer == "b"
    assert strategy.choose([draws], 4).answer == "a"


class Served:
    """A ServedModel that remembers what it was shown and answers always the same."""

    def __init__(self, answer: list[float]) -> None:
        self.answer = answer
        self.shown: list[list[int]] = []

    async def head_rows(self, token_ids: list[int], places: list[int]) -> list[list[float]]:
        self.shown = [token_ids[: place + 1] for place in places]
        return [self.answer for _ in places]

    async def next_logprobs(self, token_ids: list[int], _wanted: list[int]) -> list[float]:
        self.shown.append(token_ids)
        return self.answer


def read(name: str, folder: Path, answer: list[float]) -> tuple[list[str], list[float]]:
    """What a verifier format shows the model of a folder for two steps, and what it scores."""
    from tasks.models.formats import load_format
    from tasks.models.served_verifier import ServedVerifier
    from tasks.models.tokenizers import load_tokenizer
    from tasks.models.verifiers import load_reading
    from tasks.models.version import BUNDLED

    format = load_format("congruences", BUNDLED / "congruences-generator")
    served = Served(answer)
    verifier = ServedVerifier(load_reading(name, folder, format=format), served, longest=1000)
    scores = asyncio.run(verifier.score("2", ["3\n", "4\n"]))
    tokenizer = load_tokenizer(folder)
    return [tokenizer.decode(shown) for shown in served.shown], [one.score for one in scores]


def prove_verifier_format(_folder: Path) -> None:
    from tasks.models.version import BUNDLED

    shown, scores = read("my-prm", BUNDLED / "congruences-prm", [math.log(3)])
    assert shown == ["2\n3\n", "2\n3\n4\n"]
    assert scores == pytest.approx([0.75, 0.75])


def prove_verifier_kind(folder: Path) -> None:
    from tiny_models import LLAMA_TOKENS, byte_tokenizer

    byte_tokenizer(LLAMA_TOKENS).save(str(folder / "tokenizer.json"))
    # Half 1, half 5 of 9: (0 + 4/8) / 2.
    likely = [math.log(0.5) if mark in (1, 5) else -50.0 for mark in range(1, 10)]
    shown, scores = read("my-marker", folder, likely)
    assert shown == ["2\n3\nMark: ", "2\n3\nMark: \n4\nMark: "]
    assert scores == pytest.approx([0.25, 0.25])


def prove_grader(folder: Path) -> None:
    from tasks.benchmarks import benchmark, bundled

    benchmark.BENCHMARKS = {"exactly": bundled.load_test, **benchmark.BENCHMARKS}
    evaluate(folder, benchmark="exactly", answer="exact")
    assert set(ask(folder, "SELECT DISTINCT verdict FROM verdicts")) == {("correct",), ("wrong",)}
    # `a=5 b=2` has lost its signs: mathematics would have kept them.
    assert all("=" not in str(form) for (form,) in ask(folder, "SELECT canonical FROM verdicts"))


def prove_benchmark_kind(folder: Path) -> None:
    from tasks.benchmarks.bundled import questions

    path = folder / "questions"
    path.mkdir()
    for one in questions("test", 12):
        (path / f"{one.question_id}.txt").write_text(one.text, encoding="utf-8")
        (path / f"{one.question_id}.answer").write_text(one.target, encoding="utf-8")
    evaluate(folder / "run", benchmark=f"folder:{path}")
    assert ask(folder / "run", "SELECT benchmark FROM runs") == [("questions",)]
    assert ask(folder / "run", "SELECT count(DISTINCT question_id) FROM run_outcomes") == [(10,)]


def prove_difficulty(folder: Path) -> None:
    evaluate(folder)
    bins = "SELECT bin, count(*) FROM bins WHERE difficulty = 'agreement' GROUP BY bin ORDER BY bin"
    assert ask(folder, bins) == [(bin_, 2) for bin_ in range(1, 6)]
    assert ask(folder, "FROM policies WHERE difficulty = 'agreement'")


def prove_view(folder: Path) -> None:
    run_id = evaluate(folder)
    rows = ask(folder, "SELECT run_id, cells FROM best_by_question")
    # Three budgets of majority, best_of_n and weighted; of beam search with m=4 and sqrt only 4.
    assert rows == [(run_id, 11)] * 10
    dictionary = (ROOT / "warehouse" / "README.md").read_text(encoding="utf-8")
    assert "### best_by_question\nHow far did the best strategy" in dictionary


def prove_metric(_folder: Path) -> None:
    from summaries import summary_of

    from tasks.tracking.entries import publication_of

    metrics = publication_of(summary_of()).metrics
    assert ("trouble/verifier_failures", 3.0, 0) in metrics


PROOFS: dict[str, Callable[[Path], None]] = {
    "A search strategy": prove_search_strategy,
    "A pool strategy with an option": prove_pool_strategy,
    "A verifier format of a known kind": prove_verifier_format,
    "A verifier format of a new kind": prove_verifier_kind,
    "A grader": prove_grader,
    "A benchmark kind": prove_benchmark_kind,
    "A difficulty": prove_difficulty,
    "A view": prove_view,
    "An MLflow metric": prove_metric,
}


if __name__ == "__main__":
    import tasks

    # Else what was proven would be proven of the original.
    assert Path(str(tasks.__file__)) == Path.cwd() / "tasks" / "__init__.py", tasks.__file__
    PROOFS[sys.argv[1]](Path(sys.argv[2]))
    print("proven")
