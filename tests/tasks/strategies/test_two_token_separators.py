"""A search is the same one whether a tokenizer has one token for a blank line or two."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from paragraphs import ONE_TOKEN, TWO_TOKENS, lines_and_paragraphs
from scripts import Bench, by_letter

from tasks.engines.scripted import ScriptedEngine

SEARCHES = [
    ("beam_search(m=2)", 8),
    ("beam_search(m=sqrt)", 16),
    ("lookahead(k=1,m=2)", 16),
    ("dvts(m=2)", 8),
    ("rebase", 8),
    ("particle_filter", 8),
]
NIGHTS = range(40)


@dataclass(slots=True)
class ByText(ScriptedEngine):
    """Draws by the words so far and not by their tokens: the same luck under every tokenizer."""

    night: int = 0
    taken: Counter[str] = field(default_factory=Counter)

    def _random(self, start, _seed):
        text = self.format.tokenizer.decode(start)
        self.taken[text] += 1
        return random.Random(f"{self.night}|{text}|{self.taken[text]}")


def found(form, night, key, budget):
    """Every completion that a search ends with, as its steps."""
    law = lines_and_paragraphs(form)
    bench = Bench(law, by_letter, form=form, engine=ByText(form, law, night=night))
    groups = asyncio.run(bench.run(key, budget))
    return [[node.steps for node in group] for group in groups]


@pytest.mark.parametrize(("key", "budget"), SEARCHES)
def test_one_token_or_two_a_search_finds_the_same(key, budget):
    one = [found(ONE_TOKEN, night, key, budget) for night in NIGHTS]
    two = [found(TWO_TOKENS, night, key, budget) for night in NIGHTS]
    assert one == two
    completions = [node for groups in one for group in groups for node in group]
    # The comparison is of searches that took several steps, some with line breaks inside.
    assert len(completions) >= 7 * len(NIGHTS)
    assert max(map(len, completions)) >= 4
    assert any("\n" in step.strip() for steps in completions for step in steps)
