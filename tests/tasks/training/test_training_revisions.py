"""Training of the revision model and its verifier: their text, and tiny runs of the real code."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import LlamaForCausalLM

from tasks.benchmarks.congruences import (
    END,
    STEP_END,
    Mix,
    Stage,
    Writing,
    question_tokens,
    vocabulary,
)
from tasks.benchmarks.congruences import document as document_of
from tasks.models.version import BUNDLED
from tasks.training.attempts import (
    WINDOW,
    Attempt,
    Revising,
    chain,
    chain_document,
    documents,
    review,
    review_of,
    revise,
    revision_prompt,
)
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

HONEST = (0.0, 0.0, 0.0)
REVISING = Revising(Mix((2, 3), (1, 1, 1)), Writing((0.5, 0.5, 0.5), HONEST), keep=1.0)
WORDS = vocabulary()
# a is 2 (2·2 = 4); b is 1 (3·1 + 2 = 5)
STAGES = [Stage(2, None, None, 4), Stage(3, 2, None, 5)]


def text_of(ids: list[int]) -> str:
    return "".join(WORDS[token] for token in ids)


def written(a: int, b: int) -> Attempt:
    """An attempt with these two guesses."""
    return Attempt([], [a, b], [a == 2, b == 1])


def completion_of(a: int, b: int) -> list[int]:
    return encode(["Answer: ", "a=", str(a), " b=", str(b), END])


def test_a_first_attempt_is_asked_for_with_the_question_alone() -> None:
    assert revision_prompt([5, 6, 7], []) == [5, 6, 7]


def test_earlier_attempts_are_numbered_and_stand_without_their_end() -> None:
    question = encode(question_tokens(STAGES))
    prompt = text_of(revision_prompt(question, [completion_of(2, 0), completion_of(2, 1)[:-1]]))
    assert prompt == text_of(question) + (
        "Attempt 1:\nAnswer: a=2 b=0\nAttempt 2:\nAnswer: a=2 b=1\nAttempt 3:\n"
    )


def test_only_the_four_latest_attempts_are_shown_numbered_from_one() -> None:
    earlier = [completion_of(number, 0) for number in range(6)]
    prompt = text_of(revision_prompt([], earlier))
    assert prompt.count("Attempt") == WINDOW + 1
    assert prompt.startswith("Attempt 1:\nAnswer: a=2 b=0\nAttempt 2:\nAnswer: a=3")
    assert prompt.endswith("Attempt 5:\n")


def test_every_attempt_of_a_document_ends_in_the_end_token() -> None:
    texts = [completion_of(2, 0), completion_of(2, 1)]
    ids, labels = chain_document([9], texts)
    assert text_of(ids[1:]) == "Attempt 1:\nAnswer: a=2 b=0\nAttempt 2:\nAnswer: a=2 b=1"
    ends = [place for place, label in enumerate(labels) if label == token_ids()[END]]
    # the label after a last digit is the end, while the text goes on with a line break without loss
    assert [WORDS[ids[place]] for place in ends] == ["0", "1"]
    assert ids[ends[0] + 1] == token_ids()[STEP_END]
    assert labels[0] == labels[ends[0] + 1] == IGNORED
    assert [label for label in labels if label != IGNORED] == texts[0] + texts[1]


def test_attempts_before_the_first_one_have_no_loss() -> None:
    texts = [completion_of(2, 0), completion_of(2, 1)]
    _, labels = chain_document([9], texts, first=1)
    assert [label for label in labels if label != IGNORED] == texts[1]


def test_a_documents_labels_are_what_comes_next_except_for_ends() -> None:
    source = documents(random.Random(0), revising=REVISING)
    for _ in range(50):
        ids, labels = next(source)
        for place, label in enumerate(labels[:-1]):
            assert label in (IGNORED, token_ids()[END], ids[place + 1])
        assert labels[-1] == token_ids()[END]


def test_a_revision_begins_with_a_review_of_the_latest_attempt() -> None:
    attempt = revise(STAGES, [written(5, 0), written(2, 0)], random.Random(0), revising=REVISING)
    text = "".join(attempt.tokens)
    assert text.startswith("Verified: a=2 ✓ b=0 ✗\nA = 2·a, want A = 4: try a = 2 → 4 ✓\n")
    assert not "".join(revise(STAGES, [], random.Random(0), revising=REVISING).tokens).startswith(
        "Verified"
    )


def test_the_review_of_a_written_attempt_reads_its_lines() -> None:
    rng = random.Random(0)
    for attempt in chain(STAGES, [], rng, length=20, revising=REVISING):
        assert review_of(encode(attempt.tokens)) == encode(review(attempt.values, attempt.marks))


def test_a_guess_marked_right_is_kept_and_a_failed_one_not_repeated() -> None:
    rng = random.Random(0)
    for _ in range(200):
        attempt = revise(STAGES, [written(2, 0), written(2, 3)], rng, revising=REVISING)
        assert attempt.values[0] == 2
        assert attempt.values[1] not in (0, 3)


def test_the_latest_mark_of_a_guess_counts() -> None:
    earlier = [Attempt([], [2, 4], [True, True]), Attempt([], [2, 4], [True, False])]
    values = {
        revise(STAGES, earlier, random.Random(seed), revising=REVISING).values[1]
        for seed in range(100)
    }
    assert values == {0, 1, 2, 3, 5, 6}


def test_a_line_that_checked_another_congruence_says_nothing() -> None:
    # b's line depends on a: what failed with a = 3 may be right with a = 2
    # (1·b + 2·a = 0 has b = 3)
    stages = [Stage(2, None, None, 4), Stage(1, 2, 0, 0)]
    earlier = [Attempt([], [3, 3], [False, False])]
    always = REVISING._replace(writing=Writing((1.0, 1.0, 1.0), HONEST))
    assert revise(stages, earlier, random.Random(0), revising=always).values == [2, 3]


def test_a_chain_sees_only_the_four_latest_attempts() -> None:
    earlier = [written(2, 1), *[written(5, 0)] * WINDOW]
    never = REVISING._replace(writing=Writing((0.0, 0.0, 0.0), HONEST))
    assert chain(STAGES, earlier, random.Random(0), length=1, revising=never)[-1].values[0] != 2


def test_right_attempts_stay_and_chains_get_better() -> None:
    rng = random.Random(0)
    chains = [chain(STAGES, [], rng, length=5, revising=REVISING) for _ in range(400)]
    right = np.array([[attempt.values == [2, 1] for attempt in attempts] for attempts in chains])
    assert (right[:, 1:] >= right[:, :-1]).all()
    # each of two guesses is right by attempt t with chance 1 − 0.5^t;
    # standard deviation at most 0.025
    np.testing.assert_allclose(right.mean(0), [(1 - 0.5**t) ** 2 for t in range(1, 6)], atol=0.08)


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
