"""Learning from served completions, and what rounds look like side by side."""

import json
import random

import pytest
import torch
from scripted_runs import ScriptedEngines, run_all, small_study

from tasks.benchmarks.bundled import chains
from tasks.benchmarks.congruences import Writing, document, question_tokens
from tasks.models.version import BUNDLED
from tasks.training.cards import weights_digest
from tasks.training.distill import DistillRecipe, greedy, train_distilled
from tasks.training.harvest import Learnt
from tasks.training.rounds import round_rows
from tasks.training.tokenizer import encode
from warehouse.errors import UserError
from warehouse.store import Store

MODEL = "bundled/congruences-generator"
HALF = "bundled/congruences-generator-half"
PARENT = BUNDLED / "congruences-generator"


def test_a_version_writes_what_it_was_taught_and_its_card_says_from_what(tmp_path):
    torch.set_num_threads(1)
    _, stages = next(chains("train"))
    prompt = tuple(encode(question_tokens(stages)))
    wrong_guesses = Writing((0, 0, 0), (0, 0, 0))
    lesson = encode(document(stages, random.Random(0), writing=wrong_guesses))[:-1]
    before = greedy(PARENT, [prompt])
    recipe, texts = DistillRecipe(passes=60, batch=1), [Learnt("one", prompt, tuple(lesson))]
    train_distilled(PARENT, tmp_path, texts=texts, facts={"round": 1}, recipe=recipe, measured_on=5)
    assert greedy(tmp_path, [prompt]) == [lesson] != before
    card = json.loads((tmp_path / "card.json").read_text())
    facts = (card["round"], card["made_from"], card["rebuild"])
    assert facts == (1, weights_digest(PARENT), "ttc distill")
    assert card["tokens_seen"] >= 60 * (len(prompt) + len(lesson))
    assert card["wall_seconds"] is not None


class Perfect(ScriptedEngines):
    """Never writes a wrong digit."""

    def _law(self, prefix, rng):
        rng.random = lambda: 0.0
        return super()._law(prefix, rng)


def test_rounds_stand_side_by_side_with_the_paired_difference_to_round_0(tmp_path):
    folder = tmp_path / "w"
    first = run_all(folder, small_study())
    same = run_all(folder, small_study(name="again"))
    better = run_all(folder, small_study(generator={"models": [HALF]}), engines=Perfect)
    with Store.open(folder) as store:
        rows = round_rows(store, [first, same, better])
    by_round = {(row.figure, row.round): row for row in rows}
    one, two = by_round["pass@1", 1], by_round["pass@1", 2]
    assert (one.difference, one.lo, one.hi, one.comparison) == (0, 0, 0, "no difference")
    assert (two.accuracy, two.comparison) == (1, "better")
    assert 0 < two.lo <= two.difference <= two.hi
    assert two.difference == pytest.approx(1 - by_round["pass@1", 0].accuracy)
    assert by_round["policy at 4", 2].accuracy == 1
    assert by_round["greedy", 0].comparison is by_round["weighted at 4", 0].comparison is None
    assert [by_round["greedy", number].version for number in (0, 1, 2)] == [1, 1, 2]


def test_rounds_on_different_questions_are_refused(tmp_path):
    runs = [run_all(tmp_path / "w", small_study(questions=count)) for count in (20, 21)]
    with Store.open(tmp_path / "w") as store, pytest.raises(UserError, match="the same questions"):
        round_rows(store, runs)
