"""Which strategy a cell names, and which one it would name if the figures were others."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.cells.bin import Bin
from tasks.statistics.comparisons import SIGNIFICANCE
from tasks.statistics.curves import DECIMALS
from tasks.statistics.outcomes import Grid


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """How a cell is picked from the means of its strategies; columns are places in `columns`."""

    columns: Integers
    """Of the grid: all strategies at the budget."""
    order: Integers
    """Candidates, cheapest first."""
    group: Integers
    """Group of equal cost of each of them, rising."""
    errors: Floats
    """Of differences between the columns."""
    known: int
    """The baseline; −1 without."""
    earlier: int
    """What the last table named, where it may be named again; −1 without."""
    reach: Floats
    """Errors by which the best must be ahead to keep others out, and tonight's to replace."""

    def name(self, means: Floats) -> Integers:
        """What each row of means (rows, columns) names."""
        from tasks.statistics import kernels

        # The same kernel for what was seen and for what might have been.
        return kernels.name_strategies(
            np.ascontiguousarray(means),
            self.order,
            self.group,
            self.errors,
            self.known,
            self.earlier,
            self.reach,
        )

    def without_last(self) -> "Rule":
        """The same without what the last table named."""
        return replace(self, earlier=-1)


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What a cell names; columns are the grid's."""

    budget: int
    holder: int
    """The strategy that is named."""
    tonight: int
    """What these data alone would name."""
    known: int | None
    """The baseline; None where it does not exist at this budget."""
    rivals: list[int]
    """What the one named is compared with."""
    rule: Rule | None
    """How it was chosen; None where most completions of all were cut."""

    @property
    def is_open(self) -> bool:
        """Whether there was something to choose, so that what is named is recommended."""
        return self.rule is not None


def choice_of(
    grid: Grid,
    inside: Bin,
    budget: int,
    *,
    baseline: str,
    earlier: str | None,
) -> Choice:
    """What a cell names, from its bin's figures and what the last table named there."""
    every = grid.by_cost(budget, inside.rows)
    places = grid.of(baseline)
    known = places.get(budget)
    groups = _leave_out_cut(inside, every)
    if not groups:
        one = _stand_in(grid, every, inside)
        return Choice(budget, one, one, known, [], None)
    last = None if earlier is None else grid.of(earlier).get(budget)
    rule = _rule(inside, every, groups, known, last)
    means = inside.mean[rule.columns]
    seen = means[None]
    alone = rule.without_last().name(seen)[0]
    named = rule.name(seen)[0]
    tonight = int(rule.columns[alone])
    holder = int(rule.columns[named])
    rivals = _rivals(groups, holder, known)
    return Choice(budget, holder, tonight, known, rivals, rule)


def _leave_out_cut(inside: Bin, groups: list[list[int]]) -> list[list[int]]:
    """The groups without the cells most of whose completions were cut."""
    is_cut = inside.is_cut
    left = [[one for one in group if not is_cut[one]] for group in groups]
    return [group for group in left if group]


def _stand_in(
    grid: Grid,
    groups: list[list[int]],
    inside: Bin,
) -> int:
    """What stands in a cell where all were cut: the baseline, or where it is absent the best."""
    preference = grid.preference[inside.rows].mean(axis=0)
    columns = [one for group in groups for one in group]
    # `max` keeps the first of equal ones: the cheapest.
    return max(columns, key=lambda one: round(preference[one], DECIMALS))


def _rule(
    inside: Bin,
    every: list[list[int]],
    groups: list[list[int]],
    known: int | None,
    last: int | None,
) -> Rule:
    at_budget = [one for group in every for one in group]
    columns = np.array(sorted(at_budget), dtype=np.int64)
    place = {int(column): at for at, column in enumerate(columns)}
    order: list[int] = []
    group: list[int] = []
    for at, members in enumerate(groups):
        order += [place[one] for one in members]
        group += [at] * len(members)
    freedom = max(inside.units - 1, 1)
    # One-sided against the best, which is ahead of all by construction; two-sided to replace.
    one_sided = 1 - SIGNIFICANCE
    two_sided = 1 - SIGNIFICANCE / 2
    quantiles = special.stdtrit(freedom, [one_sided, two_sided])  # pyright: ignore
    # What was mostly cut is not held either.
    is_held = last is not None and not inside.is_cut[last]
    return Rule(
        columns=columns,
        order=np.array(order, dtype=np.int64),
        group=np.array(group, dtype=np.int64),
        errors=inside.errors(columns),
        known=-1 if known is None else place[known],
        earlier=place[last] if is_held and last is not None else -1,
        reach=np.asarray(quantiles, dtype=np.float64),
    )


def _rivals(
    groups: list[list[int]],
    holder: int,
    known: int | None,
) -> list[int]:
    """What the pick is compared with: the baseline.

    If it is that itself, what is cheaper; if nothing is, all others.
    """
    if known not in (None, holder):
        return [known]
    own = next(place for place, group in enumerate(groups) if holder in group)
    cheaper = groups[:own]
    rivals: list[int] = []
    for group in cheaper or groups:
        rivals += [one for one in group if one != holder]
    return rivals
