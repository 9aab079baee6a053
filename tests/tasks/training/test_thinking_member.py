"""The model that thinks: its text, its figures by cap, and a tiny run of the real training."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.benchmarks.bundled import split_of
from tasks.benchmarks.congruences import (
    CLOSING,
    LETTERS,
    RIGHT,
    STEP_END,
    Mix,
    Stage,
    answer,
    check_tokens,
    draw_stages,
    solution,
    vocabulary,
)
from tasks.models.formats import load_format
from tasks.models.version import BUNDLED
from tasks.training.cards import render, weights_digest
from tasks.training.decoder import decoder
from tasks.training.generator import load_generator
from tasks.training.learning import IGNORED
from tasks.training.rollouts import Asked, ask
from tasks.training.thinking.caps import draw_by_cap, judge_draws, tokens_of_all
from tasks.training.thinking.member import ThinkingRecipe, add_tokens, train_thinking
from tasks.training.thinking.traces import (
    Trace,
    Traces,
    answer_at,
    documents,
    think,
    thinking_prompt,
)
from tasks.training.tokenizer import END_THINKING, build_tokenizer, encode, token_ids

GENERATOR = BUNDLED / "congruences-generator"
TRACES = Traces(Mix((1, 2, 3, 4, 5), (2, 3, 3)), known=(0.5, 0.3, 0.0))
WORDS = list(token_ids())
seeds = st.integers(0, 2**32)


def drawn(seed: int) -> tuple[list[Stage], Trace]:
    rng = random.Random(seed)
    stages = draw_stages(rng, mix=TRACES.mix)
    return stages, think(stages, rng, traces=TRACES)


@given(seeds)
@settings(max_examples=200, deadline=None)
def test_a_trace_tries_every_stage_until_its_honest_check_holds(seed: int) -> None:
    stages, trace = drawn(seed)
    values = solution(stages)
    lines = "".join(trace.tokens).split(STEP_END)[:-1]
    assert len(lines) == len(trace.tries)
    for index, stage in enumerate(stages):
        tries = [line for line in trace.tries if line.stage == index]
        guesses = [line.guess for line in tries]
        assert len(set(guesses)) == len(guesses)
        assert [line.passed for line in tries] == [False] * (len(tries) - 1) + [True]
        assert guesses[-1] == values[index]
        for line in tries:
            check = check_tokens(stage, line.guess, values, bent=False)
            assert trace.tokens[line.end - len(check) : line.end] == check
            assert line.passed == (check[-1] == RIGHT)
    assert [line.stage for line in trace.tries] == sorted(line.stage for line in trace.tries)


@given(seeds, st.integers(0, 10_000))
@settings(max_examples=200, deadline=None)
def test_an_answer_holds_what_was_found_before_the_cut(seed: int, place: int) -> None:
    stages, trace = drawn(seed)
    place %= len(trace.tokens) + 1
    values = answer_at(stages, trace, place, random.Random(seed), traces=TRACES)
    written = "".join(trace.tokens[:place])
    for index in range(len(stages)):
        # A line that was cut before its mark says nothing.
        marked = [
            line.split(f": try {LETTERS[index]} = ")[1]
            for line in written.split(STEP_END)
            if f": try {LETTERS[index]} = " in line and ("✓" in line or "✗" in line)
        ]
        found = [int(line[0]) for line in marked if "✓" in line]
        failed = [int(line[0]) for line in marked if "✗" in line]
        assert values[index] not in failed
        if found:
            assert values[index] == found[0]
    assert len(values) == len(stages)


def test_sure_guesses_are_right_and_others_are_any_digit_not_seen_to_fail() -> None:
    rng = random.Random(0)
    sure = Traces(TRACES.mix, known=(1.0, 1.0, 1.0))
    stages = draw_stages(rng, mix=TRACES.mix)
    assert len(think(stages, rng, traces=sure).tries) == len(stages)
    blind = Traces(TRACES.mix, known=(0.0, 0.0, 0.0))
    # Without replacement from seven digits the right one is found at the fourth try on average;
    # the standard deviation of the mean of 2,000 is 0.045.
    counts = [len(think([Stage(3, None, None, 1)], rng, traces=blind).tries) for _ in range(2000)]
    assert abs(np.mean(counts) - 4) < 0.18
    assert max(counts) == 7


def test_documents_learn_all_but_the_prompt_and_an_end_that_a_cut_puts_there() -> None:
    source = documents(random.Random(1), traces=TRACES)
    end = token_ids()[END_THINKING]
    cuts = 0
    for _ in range(300):
        document = next(source)
        text = [WORDS[token] for token in document.ids]
        assert split_of("".join(text[: text.index(CLOSING) + 1])) == "train"
        prompt = text.index("<think>") + 2
        following = [*document.ids[1:], token_ids()["<end>"]]
        place = document.ids.index(end) - 1
        for at, (label, token) in enumerate(zip(document.labels, following, strict=True)):
            if at < prompt - 1:
                assert label == IGNORED
            elif at == place and label == IGNORED:
                cuts += 1
            else:
                assert label == token
    assert 100 < cuts < 200  # half, with a standard deviation of 9


def test_the_tokenizer_of_the_family_is_as_it_was(tmp_path: Path) -> None:
    build_tokenizer(len(vocabulary())).save_pretrained(tmp_path)
    written = json.loads((tmp_path / "tokenizer.json").read_text())
    assert written == json.loads((GENERATOR / "tokenizer.json").read_text())


@given(seeds)
@settings(max_examples=50, deadline=None)
def test_traces_survive_the_tokenizer(seed: int) -> None:
    _, trace = drawn(seed)
    tokenizer = build_tokenizer(len(token_ids()))
    tokens = [*trace.tokens, END_THINKING, STEP_END]
    assert tokenizer.encode("".join(tokens)) == encode(tokens)
    assert tokenizer.decode(encode(tokens)) == "".join(tokens)


def test_new_tokens_change_nothing_that_the_generator_says_of_old_ones() -> None:
    old = load_generator(GENERATOR)
    new = load_generator(GENERATOR)
    torch.manual_seed(0)
    add_tokens(new)
    assert new.config.vocab_size == len(token_ids())
    ids = torch.tensor([ask("validation", 1, seed=0)[0].prompt])
    with torch.inference_mode():
        before, after = old(ids).logits, new(ids).logits
    torch.testing.assert_close(after[..., : before.shape[-1]], before)
    assert new.get_output_embeddings().weight is new.get_input_embeddings().weight


def question_of(level: int) -> Asked:
    stages = [Stage(2, None, None, 4)]
    return Asked([0], answer(solution(stages)), stages, level)


def test_figures_by_cap_of_two_draws_by_hand() -> None:
    line, end = encode(["A = ", "2", "·a"]), token_ids()[END_THINKING]
    # The first ends by itself after three tokens, the second is cut at the largest cap of six.
    traces = [[[*line, end], line * 2]]
    right, wrong = (
        encode(["Answer: ", "a=", "2", "<end>"]),
        encode(["Answer: ", "a=", "1", "<end>"]),
    )
    answers = {
        (0, 0, 2): wrong,
        (0, 0, 3): right,
        (0, 1, 2): wrong,
        (0, 1, 4): right[:-1],
        (0, 1, 6): right,
    }
    measured = judge_draws([question_of(1)], traces, answers, (2, 4, 6))
    assert [capped.correct.tolist() for capped in measured.by_cap.values()] == [
        [[0, 0]],
        [[1, 0]],
        [[1, 1]],
    ]
    assert [capped.forced.tolist() for capped in measured.by_cap.values()] == [
        [[1, 1]],
        [[0, 1]],
        [[0, 1]],
    ]
    assert measured.by_cap[4].answered.tolist() == [[1, 0]]
    assert [capped.thinking.sum() for capped in measured.by_cap.values()] == [4, 7, 9]
    # thinking 9, answers 4 + 4 + 4 + 3 + 4; of the largest cap alone 9 + 8
    assert tokens_of_all(measured) == round((9 + 19) / 17, 4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that thinks after seconds of training."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("thinking")
    recipe = ThinkingRecipe(tokens=20_000, parts=2)
    train_thinking(GENERATOR, folder, recipe=recipe, measured_on=5)
    return folder


def test_a_trained_model_has_a_card_and_its_format_reads_it(trained: Path) -> None:
    card = json.loads((trained / "card.json").read_text())
    assert (trained / "CARD.md").read_text() == render(card)
    assert card["tokens_seen"] >= 20_000
    question = ask("validation", 1, seed=0)[0]
    form = load_format("congruences-thinking", trained)
    text = "".join(WORDS[token] for token in question.prompt)
    assert form.tokenizer.encode(form.render(text)) == thinking_prompt(question.prompt)
    assert form.thinks and form.thinking.is_begun
    assert form.final("A = 2·a") is None
    assert form.final("A = 2·a</think>\nAnswer: a=2") == "\nAnswer: a=2"


def test_smaller_caps_are_cuts_of_one_trace(trained: Path) -> None:
    asked = ask("validation", 4, seed=0)
    weights = decoder(load_generator(trained), positions=512)
    measured = draw_by_cap(
        weights, asked, draws=3, caps=(0, 8, 32), generator=torch.Generator().manual_seed(0)
    )
    for cap, capped in measured.by_cap.items():
        assert capped.correct.shape == (4, 3)
        assert (capped.thinking <= cap).all()
    assert (measured.by_cap[0].thinking == 0).all()
    lengths = measured.by_cap[32].thinking
    assert (measured.by_cap[8].thinking == np.minimum(lengths, 8)).all()


def test_the_bundled_model_gains_by_thinking_up_to_a_length_that_grows_with_difficulty() -> None:
    card = json.loads((BUNDLED / "congruences-thinking" / "card.json").read_text())
    measured = card["measured"]
    correct = [figures["correct"] for figures in measured["by_cap"].values()]
    # It rises beyond the intervals, and flattens: the last doubling is within them.
    assert correct[0]["high"] < correct[1]["low"] and correct[1]["high"] < correct[2]["low"]
    assert correct[2]["high"] < correct[3]["low"] and correct[4]["low"] < correct[3]["high"]
    middle = measured["by_level"]["128"]
    assert middle["5"]["high"] < middle["4"]["low"] and middle["4"]["high"] < middle["1"]["low"]
    assert measured["tokens_of_all_caps"] < 1.25
    assert card["made_from"] == weights_digest(GENERATOR)
