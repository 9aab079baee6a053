"""Training of the revision model and its verifier: their text, and tiny runs of the real code."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from attempt_texts import HONEST, REVISING, STAGES, completion_of, text_of
from transformers import LlamaForCausalLM

from tasks.benchmarks.congruences import END, Writing
from tasks.benchmarks.congruences import document as document_of
from tasks.models.version import BUNDLED
from tasks.training.attempts import review_of, revision_prompt
from tasks.training.bundled import MEMBERS, is_trained
from tasks.training.cards import render
from tasks.training.chains import Chains, chain_figures, draw_chains
from tasks.training.decoder import decoder
from tasks.training.learning import IGNORED
from tasks.training.orm import ChainDraws, OrmRecipe, read_attempt, train_orm
from tasks.training.revision import (
    Pairing,
    RevisionRecipe,
    Trajectory,
    Tuning,
    edit_distance,
    pair,
    spell,
    train_revision,
)
from tasks.training.rollouts import ask
from tasks.training.selection import Scored, choose, hierarchical_is_right, vote_of_last
from tasks.training.tokenizer import encode, token_ids


def test_trajectories_have_up_to_four_wrong_ones_and_the_nearest_last() -> None:
    texts = [completion_of(2, 1)] * 40 + [completion_of(a, b) for a in (0, 1, 3) for b in (1, 4)]
    trajectories = pair(0, "a=2 b=1", texts, random.Random(0), most=40)
    assert {len(each.earlier) for each in trajectories} == {0, 1, 2, 3, 4}
    for each in trajectories:
        assert each.right == completion_of(2, 1)
        assert all(text != each.right for text in each.earlier)
        if each.earlier:
            assert edit_distance(spell(each.earlier[-1]), spell(each.right)) == 1
            assert len(set(map(tuple, each.earlier))) == len(each.earlier)


def test_a_questions_trajectories_are_capped_and_cut_completions_left_out() -> None:
    texts = [completion_of(2, 1)] * 10 + [completion_of(3, 1), completion_of(4, 1)[:-1]]
    trajectories = pair(0, "a=2 b=1", texts, random.Random(0), most=3)
    assert len(trajectories) == 3
    assert all(each.earlier in ([], [completion_of(3, 1)]) for each in trajectories)


def test_only_the_right_completion_of_a_trajectory_has_loss() -> None:
    wrong = encode(document_of(STAGES, random.Random(1), writing=Writing((0.0, 0.0, 0.0), HONEST)))
    document = Trajectory(0, [completion_of(3, 1), wrong], completion_of(2, 1)).document([9, 9])
    learnt = [label for label in document.labels if label != IGNORED]
    # before it stands the review of the wrong one shown last
    assert learnt == review_of(wrong) + completion_of(2, 1)
    assert text_of(learnt).startswith("Verified: a=")
    assert document.labels[-1] == token_ids()[END]
    assert len(document.ids) == len(document.labels)


def test_edit_distance_counts_letters() -> None:
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("", "abc") == 3
    assert edit_distance("abc", "abc") == 0


def test_the_verifier_reads_prompt_attempt_and_end() -> None:
    texts = [completion_of(3, 1), completion_of(2, 1)]
    assert read_attempt([9], texts, 1) == revision_prompt([9], texts[:1]) + texts[1]
    assert read_attempt([9], texts, 0) == [9, *texts[0]]


def test_weighted_selection_sums_scores_by_answer() -> None:
    # 0.5 + 0.4 for "x" beats 0.8 for "y"; the best "x" is returned
    attempts = [
        Scored("x", 0.4, True),
        Scored("y", 0.8, False),
        Scored("x", 0.5, True),
        Scored(None, 0.0, False),
    ]
    assert choose(attempts) == Scored("x", 0.5, True)
    assert choose([Scored(None, 0.0, False)]) is None


def test_hierarchical_selection_weighs_the_chains_winners() -> None:
    # winners are y with 0.9 and x with 0.5 twice: x has 1.0
    low, high = (
        [Scored("x", 0.5, True), Scored("y", 0.1, False)],
        [Scored("y", 0.9, False), Scored("x", 0.2, True)],
    )
    assert hierarchical_is_right([low, high, low])
    assert not hierarchical_is_right([low, high])


def test_a_tie_of_last_answers_shares_the_credit() -> None:
    chains = [[Scored("x", 0.1, True)], [Scored("y", 0.9, False)]]
    assert vote_of_last(chains) == 0.5


def test_turns_are_counted_among_the_attempts_that_could_turn() -> None:
    # chains of one question: 1 0, 1 1, 0 1, 0 0 → half of the right ones turn wrong,
    # half of the wrong ones right
    correct = np.array([[[True, False], [True, True], [False, True], [False, False]]])
    figures = json.loads(
        json.dumps(chain_figures(Chains([], correct, np.ones_like(correct)), [1], seed=0))
    )
    second = figures["attempts"]["2"]
    assert second["right_to_wrong"][0] == second["wrong_to_right"][0] == second["correct"][0] == 0.5
    assert figures["rise"]["1 to 2"][0] == 0.0
    assert figures["by_level"] == {"1": [0.5, 0.5]}


def test_a_finished_card_of_another_recipe_is_not_held(tmp_path: Path) -> None:
    member = MEMBERS["half"]
    assert not is_trained(tmp_path, recipe=member.recipe, seed=1, source=None)
    (tmp_path / "card.json").write_text(json.dumps({"seed": 1, "recipe": {}}))
    assert not is_trained(tmp_path, recipe=member.recipe, seed=1, source=None)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A revision model of the bundled generator and its verifier after seconds of training."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("models")
    recipe = RevisionRecipe(
        tokens=16_000,
        parts=2,
        revising=REVISING,
        tuning=Tuning(questions=5, held_out=10, pairing=Pairing(draws=16, per_question=2)),
        batch=4,
    )
    train_revision(
        BUNDLED / "congruences-generator", folder / "revision", recipe=recipe, measured_on=10
    )
    orm = OrmRecipe(questions=4, held_out=3, drawn=ChainDraws(chains=2, attempts=2), epochs=1)
    train_orm(folder / "revision", folder / "orm", recipe=orm, measured_on=10)
    return folder


@pytest.mark.slow
def test_revision_model_and_verifier_are_trained_and_described(models: Path) -> None:
    for name in ("revision", "orm"):
        card = json.loads((models / name / "card.json").read_text())
        assert (models / name / "CARD.md").read_text() == render(card)
        assert card["parameters"] > card["parameters_without_embeddings"] > 0
    assert json.loads((models / "orm" / "config.json").read_text())["step_token"] == END
    assert (
        LlamaForCausalLM.from_pretrained(models / "revision").config.eos_token_id
        == token_ids()[END]
    )


@pytest.mark.slow
def test_chains_have_their_shape_and_depend_on_the_seed_alone(models: Path) -> None:
    model = LlamaForCausalLM.from_pretrained(models / "revision", dtype=torch.float32)
    asked = ask("validation", 3, seed=0)
    twice = [
        draw_chains(
            decoder(model), asked, chains=2, attempts=3, generator=torch.Generator().manual_seed(1)
        )
        for _ in range(2)
    ]
    assert twice[0].correct.shape == (3, 2, 3)
    assert twice[0].texts == twice[1].texts
