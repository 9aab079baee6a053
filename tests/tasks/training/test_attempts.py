"""Chains of attempts written by code: their text, what a revision reads of them, how they end."""

import random

import numpy as np
from attempt_texts import HONEST, REVISING, STAGES, WORDS, completion_of, text_of

from tasks.benchmarks.congruences import END, STEP_END, Stage, Writing, question_tokens
from tasks.training.attempts import (
    WINDOW,
    Attempt,
    chain,
    chain_document,
    documents,
    review,
    review_of,
    revise,
    revision_prompt,
)
from tasks.training.learning import IGNORED
from tasks.training.tokenizer import encode, token_ids


def written(a: int, b: int) -> Attempt:
    """An attempt with these two guesses."""
    return Attempt([], [a, b], [a == 2, b == 1])


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
