import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.models.thinking import Marks, Share, Thinking, begins_thinking, choose_marks, known_marks
from warehouse.errors import UserError

THINK = Thinking((Marks("<think>", "</think>"),))
BEGUN = Thinking(THINK.marks, is_begun=True)
FAMILIES = list(known_marks().values())
EVERY = Thinking(tuple(FAMILIES))


@pytest.mark.parametrize("marks", FAMILIES)
def test_what_is_said_after_thinking_is_the_final_part(marks: Marks):
    text = f"{marks.begin}Is it \\boxed{{12}}? No.{marks.end}\n\nIt is \\boxed{{15}}."
    assert EVERY.final(text) == "\n\nIt is \\boxed{15}."
    assert Thinking((marks,)).final(text) == "\n\nIt is \\boxed{15}."


@pytest.mark.parametrize("marks", FAMILIES)
def test_thinking_that_never_ends_has_no_final_part(marks: Marks):
    assert EVERY.final(f"{marks.begin}It is \\boxed{{12}}.") is None


@pytest.mark.parametrize(
    ("text", "final", "begun"),
    [
        ("It is 5.", "It is 5.", None),
        ("", "", None),
        ("a</think>b", "b", "b"),
        ("<think>a</think>b<think>c</think>d", "d", "d"),
        ("<think>a</think>b<think>c", None, None),
        ("<think>the mark </think> ends it</think>b", "b", "b"),
        ("Well. <think>a</think>b", "b", "b"),
        ("<think>\n\n</think>\n\nb", "\n\nb", "\n\nb"),
        ("<think>a</think>", "", ""),
    ],
)
def test_the_last_end_counts_and_a_prompt_may_begin(text: str, final: str, begun: str):
    assert THINK.final(text) == final
    assert BEGUN.final(text) == begun


def test_channels_before_the_final_one_are_no_answer():
    marks = choose_marks(["harmony"])
    said = (
        "<|channel|>analysis<|message|>guess \\boxed{3}<|end|><|start|>assistant"
        "<|channel|>commentary<|message|>I try \\boxed{2}<|end|><|start|>assistant"
    )
    assert Thinking(marks).final(said) is None
    assert Thinking(marks).final(said + "<|channel|>final<|message|>\\boxed{4}") == "\\boxed{4}"


def test_without_marks_nothing_is_thinking():
    plain = Thinking()
    assert plain.final("<think>a</think>b") == "<think>a</think>b"
    assert plain.after(["<think>a\n", "b"]) == ["<think>a\n", "b"]
    assert plain.share([b"a"], ["a"], before="", generated=2) is None


@pytest.mark.parametrize(
    ("steps", "after"),
    [
        (["<think>a\n", "b\n", "</think>\n", "c\n", "d"], ["c\n", "d"]),
        (["<think>a\n", "b</think>c\n", "d"], ["c\n", "d"]),
        (["a\n", "b"], ["a\n", "b"]),
        (["<think>a\n", "b"], []),
        (["<think>a</think>\n"], []),
    ],
)
def test_steps_after_thinking_are_the_last_ones(steps: list[str], after: list[str]):
    assert list(THINK.after(steps)) == after


def share(thinking: Thinking, written: list[bytes], steps: list[str], before: str = "") -> Share:
    """Of a draw that ended by itself: one token more than those that write."""
    share = thinking.share(written, steps, before=before, generated=len(written) + 1)
    assert share is not None
    return share


def test_tokens_are_counted_up_to_the_one_that_ends_thinking():
    # One mark in three tokens, the last of which begins the answer as well.
    written = [b"<think>", b"a", b"</", b"think", b">\n\n", b"b"]
    steps = ["<think>a</think>\n\n", "b"]
    assert share(THINK, written, steps) == Share(tokens=5, steps=1)
    assert share(BEGUN, written[1:], ["a</think>\n\n", "b"]) == Share(tokens=4, steps=1)
    assert share(THINK, [b"b", b"c"], ["bc"]) == Share(tokens=0, steps=0)


def test_thinking_that_never_ends_takes_the_end_of_text_too():
    assert share(THINK, [b"<think>", b"c"], ["<think>c"]) == Share(tokens=3, steps=1)


def test_a_draw_begins_where_the_one_before_it_stopped():
    assert share(THINK, [b"b\n"], ["b\n"], "<think>a\n") == Share(tokens=2, steps=1)
    assert share(THINK, [b"</think>", b"b"], ["</think>b"], "<think>a\n") == Share(1, 0)
    assert share(THINK, [b"b"], ["b"], "<think>a</think>") == Share(tokens=0, steps=0)


PIECES = st.sampled_from(["<think>", "</think>", "<think", ">", "a", "\n", "é", "x y"])


@given(pieces=st.lists(PIECES, max_size=12), begun=st.booleans())
def test_final_part_and_counts_agree_with_reading_character_by_character(
    pieces: list[str], begun: bool
):
    thinking = Thinking(THINK.marks, begun)
    text = "".join(pieces)
    is_inside, final = begun, text if not begun else None
    for place in range(len(text) + 1):
        if text[:place].endswith("</think>"):
            is_inside, final = False, text[place:]
        elif text[:place].endswith("<think>"):
            is_inside = True
    assert thinking.final(text) == (None if is_inside else final)
    counted = share(thinking, [piece.encode() for piece in pieces], pieces)
    said = thinking.final(text)
    # The fewest tokens that hold everything before the final part.
    before = len(text) if said is None else len(text) - len(said)
    held = next(n for n in range(len(pieces) + 1) if len("".join(pieces[:n])) >= before)
    assert counted.tokens == (len(pieces) + 1 if said is None else held)
    shown = "".join(thinking.after(pieces))
    assert shown.strip() == (said or "").strip()


def test_an_unknown_family_is_refused():
    with pytest.raises(UserError, match=r"expected thinking to name some of think, .* got 'thunk'"):
        choose_marks(["thunk"])


def test_a_template_may_begin_the_thinking():
    marks = choose_marks(["think"])
    assert begins_thinking("<|im_start|>assistant\n<think>\n", marks)
    assert not begins_thinking("<|im_start|>assistant\n<think>\n\n</think>\n\n", marks)
    assert not begins_thinking("<|im_start|>assistant\n", marks)


WRITTEN = [
    *(mark for marks in FAMILIES for mark in marks),
    "<",
    "[",
    "◁",
    "think>",
    "it is ",
    "\n\n",
]


def offset_after_thinking(text: str, *, is_begun: bool) -> int | None:
    """Every mark looked for at every place of the text."""
    places = range(len(text))
    ends = [at + len(end) for _, end in FAMILIES for at in places if text.startswith(end, at)]
    begins = [at for begin, _ in FAMILIES for at in places if text.startswith(begin, at)]
    last = max(ends, default=0)
    is_open = is_begun and not ends
    return None if is_open or any(at >= last for at in begins) else last


@given(st.lists(st.sampled_from(WRITTEN), max_size=6).map("".join), st.booleans())
def test_marks_of_all_families_are_found_wherever_they_stand(text: str, is_begun: bool):
    end = offset_after_thinking(text, is_begun=is_begun)
    final = Thinking(EVERY.marks, is_begun=is_begun).final(text)
    assert final == (None if end is None else text[end:])
    assert Thinking(EVERY.marks, is_begun=is_begun).is_in(text) == (end != 0)
