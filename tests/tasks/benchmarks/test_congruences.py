"""The synthetic benchmark: its questions, its training text and its tokenizer."""

import random
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from tasks.benchmarks.bundled import questions, split_of
from tasks.benchmarks.congruences import (
    ANSWER_MARKER,
    CLOSING,
    LETTERS,
    MODULUS,
    RIGHT,
    STEP_END,
    WRONG,
    Mix,
    Stage,
    Writing,
    answer,
    document,
    draw_stages,
    question_tokens,
    read_lines,
    solution,
    vocabulary,
)
from tasks.benchmarks.levels import LESSONS, LEVELS, draw_level
from tasks.models.formats import load_format
from tasks.models.version import BUNDLED
from tasks.training.tokenizer import build_tokenizer, encode
from warehouse.errors import UserError

MIX = Mix((1, 2, 3, 4, 5), (2, 3, 3))
HONEST = Writing((0.5, 0.5, 0.5), (0.0, 0.0, 0.0))
BENT = Writing((0.5, 0.5, 0.5), (0.3, 0.3, 0.3))


def meets(stages: list[Stage], values: tuple[int, ...]) -> bool:
    """Whether the values solve all stages, from the definition."""
    for stage, value in zip(stages, values, strict=True):
        rest = 0 if stage.addend is None else stage.addend
        rest *= 1 if stage.earlier is None else values[stage.earlier]
        if (stage.coefficient * value + rest) % MODULUS != stage.target:
            return False
    return True


def test_the_solution_is_the_only_one() -> None:
    rng = random.Random(0)
    for _ in range(40):
        stages = draw_stages(rng, mix=Mix((1, 2, 3), (1, 1, 1)))
        found = [
            values
            for values in product(range(MODULUS), repeat=len(stages))
            if meets(stages, values)
        ]
        assert found == [tuple(solution(stages))]


def test_a_question_worked_by_hand() -> None:
    # 2·4 + 3 = 11 = 4; 5·b + 4·4 = 5·b + 2 = 0, so 5·b = 5 and b = 1.
    stages = [Stage(2, 3, None, 4), Stage(5, 4, 0, 0)]
    expected = "Modulo 7: A = 2·a + 3, want A = 4; B = 5·b + 4·a, want B = 0.\nSolution:\n"
    assert "".join(question_tokens(stages)) == expected
    assert answer(solution(stages)) == "a=4 b=1"
    text = "".join(
        document(stages, random.Random(0), writing=Writing((1.0, 1.0, 1.0), (0.0, 0.0, 0.0)))
    )
    assert text == (
        "A = 2·a + 3, want A = 4: try a = 4 → 1 + 3 = 4 ✓\n"
        "B = 5·b + 4·a, want B = 0: try b = 1 → 5 + 2 = 0 ✓\n"
        "Answer: a=4 b=1<end>"
    )


def test_splits_share_no_question_under_any_seed() -> None:
    texts = {
        split: {q.text for seed in (0, 1) for q in questions(split, 300, seed=seed)}
        for split in ("train", "validation", "test")
    }
    for split, found in texts.items():
        assert {split_of(text) for text in found} == {split}
    assert len(set.union(*texts.values())) == sum(map(len, texts.values()))


def test_questions_differ_and_levels_are_balanced() -> None:
    found = questions("test", 500)
    assert len({q.text for q in found}) == len({q.question_id for q in found}) == 500
    assert [sum(q.level == level for q in found) for level in LEVELS] == [100] * 5
    assert found[123].question_id == "congruences-test-000123"


def test_more_questions_begin_with_the_same_ones() -> None:
    assert questions("test", 40)[:15] == questions("test", 15)
    assert questions("test", 5, seed=1) != questions("test", 5)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(UserError, match="expected a split"):
        questions("dev", 1)  # type: ignore[arg-type]


def test_levels_hold_the_kinds_they_promise() -> None:
    rng = random.Random(0)
    for made_of in (*LEVELS.values(), *LESSONS.values()):
        for _ in range(20):
            kinds = [stage.kind for stage in draw_level(rng, level=made_of)]
            assert tuple(sorted(kinds)) in made_of.kinds
            assert kinds[0] != 3


def test_digits_follow_a_token_that_is_unique_in_the_question() -> None:
    rng = random.Random(0)
    for _ in range(100):
        tokens = question_tokens(draw_stages(rng, mix=MIX))
        before = [tokens[place - 1] for place, token in enumerate(tokens) if token.isdigit()]
        assert len(before) == len(set(before))


def test_only_steps_end_in_the_step_token() -> None:
    rng = random.Random(0)
    for _ in range(100):
        stages = draw_stages(rng, mix=MIX)
        question, text = question_tokens(stages), document(stages, rng, writing=BENT)
        assert STEP_END not in question
        assert question[-1] == CLOSING
        assert text.count(STEP_END) == len(stages)
        assert text.index(ANSWER_MARKER) == len(text) - text[::-1].index(STEP_END)


def test_marks_follow_what_is_written() -> None:
    rng = random.Random(0)
    bent = 0
    for _ in range(200):
        stages = draw_stages(rng, mix=MIX)
        text = "".join(document(stages, rng, writing=BENT))
        for line, stage in zip(text.split(STEP_END), stages, strict=False):
            written = line.removesuffix(RIGHT).removesuffix(WRONG)
            assert line.endswith(RIGHT) == (int(written[-1]) == stage.target)
        lines = read_lines(stages, document(stages, rng, writing=BENT))
        bent += sum(not line.honest for line in lines)
    assert bent > 0


def test_an_honest_line_is_marked_right_exactly_when_its_guess_is() -> None:
    rng = random.Random(0)
    for _ in range(200):
        stages = draw_stages(rng, mix=MIX)
        lines = read_lines(stages, document(stages, rng, writing=HONEST))
        assert len(lines) == len(stages)
        assert all(line.honest and line.right == line.marked_right for line in lines)


def test_guesses_are_right_as_often_as_asked() -> None:
    rng = random.Random(0)
    writing = Writing((0.9, 0.5, 0.2), (0.0, 0.0, 0.0))
    found: dict[int, list[bool]] = {1: [], 2: [], 3: []}
    for _ in range(1500):
        stages = draw_stages(rng, mix=MIX)
        for line in read_lines(stages, document(stages, rng, writing=writing)):
            found[line.kind].append(line.right)
    for kind, chance in zip((1, 2, 3), writing.right, strict=True):
        # more than 900 lines a kind: four standard deviations are at most 0.067
        assert abs(sum(found[kind]) / len(found[kind]) - chance) < 0.067


def test_lines_out_of_format_are_not_read() -> None:
    stages = [Stage(2, 3, None, 4)]
    assert read_lines(stages, ["A = ", "2"]) == []
    assert read_lines(stages, [STEP_END]) == []


def test_texts_survive_the_tokenizer() -> None:
    rng = random.Random(0)
    tokenizer = build_tokenizer(len(vocabulary()))
    for _ in range(200):
        stages = draw_stages(rng, mix=MIX)
        question, text = question_tokens(stages), document(stages, rng, writing=BENT)
        for tokens in (question, text, question + text):
            assert tokenizer.encode("".join(tokens)) == encode(tokens)
            assert tokenizer.decode(encode(tokens)) == "".join(tokens)


def test_a_saved_tokenizer_reads_the_same(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    build_tokenizer(len(vocabulary())).save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = "".join(vocabulary()[2:])
    assert loaded.encode(text) == build_tokenizer(len(vocabulary())).encode(text)
    assert loaded.eos_token == "<end>"
    assert loaded.encode(STEP_END) == encode([STEP_END])


def test_there_is_a_letter_for_every_stage() -> None:
    assert max(
        len(kinds) for level in (*LEVELS.values(), *LESSONS.values()) for kinds in level.kinds
    ) <= len(LETTERS)


@pytest.mark.parametrize("left_out", ["\n", "\nSolution:\n", "\nSolution:"])
def test_who_types_a_question_may_leave_out_its_last_line(left_out: str) -> None:
    form = load_format("congruences", BUNDLED / "congruences-generator")
    whole = questions("test", 1)[0]
    for typed in (whole.text.removesuffix(left_out), whole.text.removesuffix(left_out) + " "):
        assert form.prompt(replace(whole, text=typed)) == form.prompt(whole)
    assert form.revise(whole.text.removesuffix(left_out), ["x"]) == form.revise(whole.text, ["x"])
