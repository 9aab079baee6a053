"""Expected accuracy and cost of every strategy at every budget on one question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

from tasks.asking.asked import Asked, Searched
from tasks.asking.completions import Answer, GradedCompletion, join_answer
from tasks.asking.costs import Rates, costs
from tasks.benchmarks.question import Question
from tasks.evaluation.pool_rows import Figure, Row, lost_shares, pool_of, pool_rows, seed_of
from tasks.runs.run import Run
from tasks.statistics.groups import group_estimates
from tasks.statistics.selectors import Choice


def estimate_question(
    run: Run, asked: Asked, answers: Mapping[str, Answer], rates: Rates
) -> list[Row]:
    """The rows of table `outcomes` on one question; costs that nobody told are NaN."""
    rows = pool_rows(run, asked, answers, rates)
    for search in asked.searches:
        rows += _search_rows(run, asked.question, search, answers, rates)
    names = {"run_id": run.run_id, "question_id": asked.question.question_id}
    return [names | row for row in rows]


def _search_rows(
    run: Run,
    question: Question,
    search: Searched,
    answers: Mapping[str, Answer],
    rates: Rates,
) -> list[Row]:
    """The row of one search, or of groups at every budget that is a number of them.

    Groups are alike, so that a smaller number of them costs its share of what all took.
    """
    ended = search.completions
    reads = [join_answer(one, answers) for one in ended]
    # What a search lacks of its slots was cut on the way; revisions return their cut attempts.
    lacking = search.slots - len(reads)
    cut = lacking + sum(one.stop != "end" for one in ended)
    left = search.left if search.strategy.goes_by_steps else None
    shares = lost_shares(
        reads,
        cut=cut,
        left=left,
        forced=None,
        of=search.slots,
    )
    writer, judge = run.models(search.strategy)
    rows: list[Row] = []
    for figure in _search_figures(run, question, search, reads):
        spent = search.spent.share(figure.budget / search.budget)
        spent = spent._replace(latency=search.latencies[figure.budget])
        # A file's own strategy may take less than its budget.
        generations = search.generations * figure.budget / search.budget
        cost = costs(
            writer,
            judge,
            generations,
            spent,
            rates,
        )
        row = {"strategy": search.strategy.key, **figure._asdict()}
        rows.append(row | shares | cost)
    return rows


def _search_figures(
    run: Run, question: Question, search: Searched, reads: list[GradedCompletion]
) -> list[Figure]:
    if search.strategy.kind == "search":
        return [_choice_figure(search, reads)]
    budgets = [n for n in run.study.budgets if search.strategy.fits(n)]
    # Where every completion was cut there is nothing to vote, and nothing is right.
    if not reads:
        return [Figure(n, 0.0, 0.0, None, search.budget / n) for n in budgets]
    return _group_figures(search, reads, budgets, seed=seed_of(run, question))


def _choice_figure(search: Searched, reads: list[GradedCompletion]) -> Figure:
    candidates = [read.candidate for read in reads]
    choice = search.strategy.choose([candidates], search.budget)
    return Figure(search.budget, right_share(choice, reads), 0.0, choice.answer, 1.0)


def right_share(choice: Choice, reads: Sequence[GradedCompletion]) -> float:
    """Expected accuracy of a choice among these: tied answers share the credit (METHOD §4)."""
    if choice.index is not None and len(choice.credits) == 1:
        return float(reads[choice.index].correct)
    accuracy = 0.0
    for answer, credit in choice.credits.items():
        members = [read.correct for read in reads if read.vote == answer]
        accuracy += credit * sum(members) / len(members)
    return accuracy


def _group_figures(
    search: Searched, reads: list[GradedCompletion], budgets: list[int], *, seed: int
) -> list[Figure]:
    """Averages over subsets: a smaller budget is a smaller number of groups (METHOD §10)."""
    size = search.budget // len(search.groups)
    # The completions of all groups stand in one row: a group is a stretch of it.
    starts = [0, *accumulate(map(len, search.groups))]
    members = [range(start, end) for start, end in pairwise(starts)]
    estimates = group_estimates(
        pool_of(reads),
        members,
        [budget // size for budget in budgets],
        selector=search.strategy.selector,
        seed=seed,
    )
    figures: list[Figure] = []
    for budget, one in zip(budgets, estimates, strict=True):
        repeats = search.budget / budget
        figures.append(Figure(budget, one.accuracy, one.mc_error, None, repeats))
    return figures
