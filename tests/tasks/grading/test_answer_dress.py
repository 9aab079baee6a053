"""What an answer wears: dollars, colours, sizes, a reason in brackets; and words that are none."""

import itertools
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.grading.dress import points_elsewhere, undress
from tasks.grading.extraction import extract_answer

BOXED = r"\boxed"
ANSWER = "Answer: "

VALUES = ("42", "-3", r"\frac{1}{2}", r"\{1, 2\}", "x = 5", r"\$42", r"\text{if $x > 0$}")
MATHEMATICS = ("${}$", "$ {} $", "$${}$$", r"\({}\)", r"\[ {} \]")
DRESS = (
    *("{}", "**{}**", r"\textcolor{{red}}{{{}}}", r"\color{{blue}}{{{}}}", r"\color{{blue}} {}"),
    *(r"{{\color{{red}} {}}}", r"\colorbox{{yellow}}{{{}}}", r"\Large {}", r"\Large{{{}}}"),
    *(r"{{\huge {}}}", r"\displaystyle {}"),
)
LAYERS = [*itertools.product(DRESS, DRESS + MATHEMATICS), *itertools.product(MATHEMATICS, DRESS)]


@pytest.mark.parametrize(("outer", "inner"), LAYERS)
def test_dollars_colours_and_sizes_around_all_of_an_answer_are_none_of_it(outer: str, inner: str):
    for value in VALUES:
        dressed = outer.format(inner.format(value))
        assert extract_answer(rf"\boxed{{{dressed}}}", [BOXED]) == value, dressed
        assert extract_answer(f"So.\n\nAnswer: {dressed}.", [ANSWER]) == value, dressed


@pytest.mark.parametrize(
    ("written", "bare"),
    [
        ("$2$ and $3$", "2 and 3"),
        (r"\(2\) and \(3\)", "2 and 3"),
        ("$2$, $3$", "2, 3"),
        ("$2$和$3$", "2和3"),
        ("$x$-axis", "x-axis"),
        ("x = $5$", "x = 5"),
        (r"\alpha$x$", r"\alpha x"),
        (r"$\textcolor{red}{\Large 42}$", "42"),
    ],
)
def test_mathematics_among_words_is_written_without_its_dollars(written: str, bare: str):
    assert extract_answer(f"Answer: {written}", [ANSWER]) == bare
    assert extract_answer(rf"\boxed{{{written}}}", [BOXED]) == bare


@pytest.mark.parametrize(
    "money",
    [
        r"\$42",
        "$42",
        "$5 and $6",
        "$5, $6",
        "$5-$6",
        "$5 to $6 or $7 to $8",
        r"\$5 and \$6",
        r"\textcolor{red}{4}2",
        r"{1}+{2}",
        r"\text{if $x > 0$}",
        r"\begin{matrix}1\\[2pt]2\end{matrix}",
    ],
)
def test_what_is_no_pair_around_the_answer_stays(money: str):
    assert extract_answer(f"Answer: {money}", [ANSWER]) == money


WORDS = (
    *(
        "since",
        "because",
        "as",
        "approximately",
        "approx.",
        "i.e.",
        "i.e.,",
        "that is,",
        "which is",
    ),
    *("Since", "rounded", "about", "or approximately", "see", "by", "using", "so", "namely"),
)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("reason", ["6*7=42", "f(6) = (6)(7)", r"$6 \cdot 7 = 42$", r"\(6\) and 7"])
def test_a_reason_in_brackets_behind_the_answer_is_none_of_it(word: str, reason: str):
    for value in ("42", "(1, 2)", "f(x) = 2x", "[0, 1)"):
        for end in ("", ".", "**", "<br>"):
            text = f"So.\n\nAnswer: {value} ({word} {reason}){end}"
            assert extract_answer(text, [ANSWER]) == value, text


@pytest.mark.parametrize(
    ("written", "bare"),
    [
        (r"\sqrt{2} (≈ 1.41)", r"\sqrt{2}"),
        (r"$\sqrt{2}$ ($\approx 1.41$)", r"\sqrt{2}"),
        (r"42 \text{ (since } 6 \cdot 7 = 42)", "42"),
        (r"42 \text{ (since it is so)}", "42"),
        ("42（因为6*7=42）", "42"),
    ],
)
def test_a_reason_may_be_of_mathematics_or_chinese(written: str, bare: str):
    assert extract_answer(f"Answer: {written}", [ANSWER]) == bare


@pytest.mark.parametrize(
    "written",
    [
        "f(as)",
        "x (as + b)",
        "2 (mod 7)",
        "ax (where a is constant)",
        "(since 1990)",
        "42 (since 1) + 1",
        "5 (asymptotic)",
        "x (x+1)",
    ],
)
def test_other_brackets_belong_to_the_answer(written: str):
    assert extract_answer(f"Answer: {written}", [ANSWER]) == written


@pytest.mark.parametrize("tag", ["<br>", "<br/>", "<br />", "<BR>", "<br>\n", "<br>So it ends."])
def test_a_line_break_of_html_ends_the_line(tag: str):
    assert extract_answer(f"Answer: 42{tag}", [ANSWER]) == "42"
    assert extract_answer(f"**Answer:**{tag[:4].strip('>')}>42{tag}", [ANSWER]) == "42"


POINTING = (
    *("see above", "See above.", "as above", "as shown above", "same as above", "(see above)"),
    *("the boxed value", "given in the box above", "*as stated earlier*", "see the boxed answer"),
    *(
        "The answer is given above.",
        r"\text{see above}",
        "see below",
        "见上",
        "如上所述",
        "refer to box",
    ),
    *("already given", "as derived before", "boxed above", r"see $\boxed{}$ above"),
)


@pytest.mark.parametrize("words", POINTING)
def test_words_that_point_at_the_answer_are_none(words: str):
    for heading in ("**Final Answer**: ", "Answer: ", "## Final Answer\n\n"):
        assert extract_answer(f"\\boxed{{3}}\n\n{heading}{words}", [BOXED]) == "3"
        assert extract_answer(f"Answer: 3\n\n{heading}{words}", [ANSWER]) == "3"
    assert extract_answer(f"Answer: {words}", [ANSWER]) is None
    assert extract_answer(f"<answer>3</answer> or <answer>{words}</answer>", ["<answer>"]) == "3"


def test_a_box_may_point_back_too():
    assert extract_answer(r"\boxed{3} so \boxed{\text{see above}}", [BOXED]) == "3"


@pytest.mark.parametrize(
    "words",
    [
        "None of the above",
        "All of the above",
        "above",
        "the box",
        "in the box",
        "before",
        "3 as above",
        "above 5",
        "x above y",
        "I see",
        "the same",
    ],
)
def test_words_that_may_be_an_answer_are_one(words: str):
    assert extract_answer(f"Answer: {words}", [ANSWER]) == words


@given(st.text(alphabet="$\\()[]{}a1 ,", max_size=30))
def test_an_answer_without_its_dress_wears_none(text: str):
    bare = undress(text)
    assert undress(bare) == bare or bare.count("$") + bare.count("\\") > 3
    # Nothing is made up: what is left are characters of the text in their order, and spaces.
    rest = iter(text)
    assert all(sign == " " or sign in rest for sign in bare)


PIECES = (
    *("$", "$$", "\\(", "\\)", "\\[", "\\]", "{", "}", "\\color{red}", "\\color{red}{", "\\Large "),
    *("(since ", "(as ", "(", ")", "\\text{", "see ", "above ", " and ", "1", "\n", "<br>", "\\"),
    *("\\boxed 1", "\\boxed\\a{", "\\boxed ", "## Problem 2\n", "[INST]", "\n\n", "**Task", "#"),
)


@pytest.mark.parametrize("seed", range(30))
def test_dress_is_taken_off_in_time_in_proportion_to_the_text(seed: int):
    chance = random.Random(seed)
    pieces = chance.sample(PIECES, k=chance.choice([1, 2, 3]))
    text = "".join(pieces)
    start = time.process_time()
    size = 0
    for long in (text * 12_000, text * (3_900 // len(text))):
        for whole in (f"Answer: {long}", rf"\boxed{{1}}{long}", rf"\boxed{{{long}}}"):
            extract_answer(whole, [BOXED, ANSWER])
            points_elsewhere(long)
            size += len(whole)
    # In CPU seconds; a walk in proportion to the square would take minutes.
    assert time.process_time() - start < 0.5 + 6e-6 * size
