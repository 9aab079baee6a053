import random
import time

import pytest

from tasks.grading.extraction import end_of_first_answer, extract_answer

BOXED = r"\boxed"
ANSWER = "Answer: "


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{42}.", "42"),
        (r"\boxed{1} no, \boxed{\frac{1}{2}} it is", r"\frac{1}{2}"),
        (r"\boxed {\{1,2\}}", r"\{1,2\}"),
        (r"\boxed{ 3 }", "3"),
        ("\\[\n\\boxed{\n42\n}\n\\]", "42"),
        (r"so \\boxed{42}", "42"),
        (r"so \\boxed{\\frac{1}{2}}", r"\frac{1}{2}"),
        (r"so \\\boxed{\begin{matrix} 1 \\ 2 \end{matrix}}", r"\begin{matrix} 1 \\ 2 \end{matrix}"),
        (r"\boxed{\frac{\sqrt{3}}{2}}} x", r"\frac{\sqrt{3}}{2}"),
        (r"\boxed{{{5}}}", "{{5}}"),
        (r"} } \boxed{5}", "5"),
        (r"{ { \boxed{5}", "5"),
        (r"\fbox{42}", "42"),
        (r"\bbox[red,2pt]{42}", "42"),
        (r"\boxed{28\%}", r"28\%"),
        (r"$\boxed{42}$<|im_end|>", "42"),
        ("the answer is 12", None),
        ("", None),
    ],
)
def test_the_last_box_holds_the_answer(text: str, answer: str | None):
    assert extract_answer(text, [BOXED]) == answer


@pytest.mark.parametrize(
    "text",
    [
        r"\boxed{3",
        r"\boxed{3} and then \boxed{4",
        r"\boxed{3} and then \boxed{\frac{1}{2}",
        r"\boxed{ \{1, 2\} ",
    ],
)
def test_a_box_that_never_closes_is_a_cut_completion_and_no_answer(text: str):
    assert extract_answer(text, [BOXED]) is None


@pytest.mark.parametrize("later", [r"\boxed{}", r"\boxed{ }", r"\boxed{...}", r"\boxed{\ldots}"])
def test_a_later_box_without_content_leaves_the_answer(later: str):
    assert extract_answer(rf"It is \boxed{{42}}. (Answer in {later}.)", [BOXED]) == "42"
    assert extract_answer(later, [BOXED]) is None


@pytest.mark.parametrize(
    "after",
    [
        *(r"\boxedtext", r"\boxed", r"\boxedminus", r"\boxedx", r"\boxed and so", r"\boxed a box"),
        *(r"\boxed 5x", r"\boxed 5^2", r"\boxed 5\pi", r"\boxed \quad", r"\boxed $", r"$\boxed$ 5"),
    ],
)
def test_what_only_begins_like_a_box_is_none(after: str):
    assert extract_answer(rf"\boxed{{42}} {after}", [BOXED]) == "42"
    assert extract_answer(after, [BOXED]) is None


@pytest.mark.parametrize(
    "argument",
    [
        *("5", "42", "-42", "3.14", "1,000", "3/4", ".5", r"28\%", "x", "C"),
        *(r"\pi", r"\frac{1}{2}", r"\text{C}", r"\frac12", r"\sqrt[3]{2}"),
    ],
)
def test_a_box_without_braces_holds_one_number_or_sign(argument: str):
    for text in ("so \\boxed {}", "$\\boxed {}$.", "\\(\\boxed {}\\), done", "\\boxed {}\nDone."):
        written = text.replace("{}", argument)
        assert extract_answer(written, [BOXED]) == argument, written
        assert extract_answer(rf"\boxed{{7}}, so {written}", [BOXED]) == argument
        assert extract_answer(rf"{written} so \boxed{{7}}", [BOXED]) == "7"
    assert extract_answer(rf"\boxed {argument}, \boxed{{7}}", [BOXED]) == f"{argument},7"
    assert extract_answer(rf"Answer: $\boxed {argument}$", [ANSWER]) == argument


@pytest.mark.parametrize("depth", [1, 2, 5, 3_000])
def test_of_boxes_in_one_another_the_inner_one_counts(depth: int):
    assert extract_answer(r"\boxed{" * depth + "42" + "}" * depth, [BOXED]) == "42"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"The primes are \boxed{3}, \boxed{5} and \boxed{7}.", "3,5,7"),
        (r"n = \boxed{-2} or n = \boxed{1}.", "-2,1"),
        (r"$\boxed{1}$, $\boxed{2}$, and $\boxed{3}$", "1,2,3"),
        (r"\(\boxed{a}\) and \(\boxed{b}\)", "a,b"),
        (r"x = \boxed{1} \quad \text{or} \quad x = \boxed{2}", "1,2"),
        (r"x_1=\boxed{1}, x_2=\boxed{2}", "1,2"),
        (r"first \boxed{9}. Then \boxed{3} and \boxed{5}", "3,5"),
        (r"\boxed{12 $ and $13 }.", "12,13"),
        (r"\boxed{12$, $13$ and $14}", "12,13,14"),
        (r"\boxed{4}, \boxed{4}", "4"),
        ("so \\boxed{840}.\n\n**Final Answer**\n\\boxed{840}", "840"),
        (r"\boxed{3}\boxed{5}", "5"),
        (r"\boxed{3}, so we get \boxed{5}", "5"),
    ],
)
def test_boxes_that_are_listed_together_are_one_answer(text: str, answer: str):
    assert extract_answer(text, [BOXED]) == answer


@pytest.mark.parametrize(
    ("inside", "answer"),
    [
        ("E: a polygenic score", "E"),
        ("(C) Paris", "C"),
        ("B. none of these", "B"),
        ("C) the mean", "C"),
        ("C - the mean", "C"),
        (r"\text{(C) Paris}", "C"),
        (r"C. \text{Paris}", "C"),
        ("**C**: Paris", "C"),
        ("C: y = 2x", "C: y = 2x"),
        ("A - B", "A - B"),
        ("A(2, 3)", "A(2, 3)"),
        ("A. 42", "A. 42"),
        (r"\text{The answer is } 42", "42"),
        ("**42**", "42"),
        ("42.", "42"),
    ],
)
def test_the_answer_is_what_a_label_or_a_sentence_leaves_of_the_content(inside: str, answer: str):
    assert extract_answer(rf"\boxed{{{inside}}}", [BOXED]) == answer
    assert extract_answer(f"So.\n\nAnswer: {inside}", [ANSWER]) == answer


@pytest.mark.parametrize(
    ("text", "markers", "answer"),
    [
        ("\\boxed{7}. My Answer: 5 stands above.", [BOXED, ANSWER], "7"),
        ("\\boxed{7}. My Answer: 5 stands above.", [ANSWER, BOXED], "5 stands above"),
        ("Answer: 5\nwith \\boxed{7}", [ANSWER, BOXED], "5"),
        ("Answer: 5\nwith \\boxed{7}", [BOXED, ANSWER], "7"),
        ("My Answer: 5", [BOXED, ANSWER], "5"),
        ("\\boxed{7}", [ANSWER, BOXED], "7"),
    ],
)
def test_the_first_of_several_markers_that_has_an_answer_gives_it(
    text: str, markers: list[str], answer: str
):
    assert extract_answer(text, markers) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("\\boxed{\\langle H\\rangle \\ll \\Delta E}\n\n**Answer: D**", "D"),
        ("\\boxed{41}\n\nFinal Answer: 42", "42"),
        ("Final Answer: 42\n\nas in \\boxed{41}", "41"),
        # A sentence about the answer is not one.
        ("\\boxed{42}\n\nAnswer: The value above follows from the lemma.", "42"),
        # A format that asks for a box takes nothing else for the answer.
        ("**Final answer:** 15", None),
    ],
)
def test_a_last_line_that_states_the_answer_wins_over_an_earlier_box(text: str, answer: str):
    assert extract_answer(text, [BOXED]) == answer


@pytest.mark.parametrize(
    "invented",
    [
        "\n\nHuman: What is 2+2?\nAssistant: \\boxed{4}",
        "\n\n**User:** And 2+2?\n\\boxed{4}",
        "\n\nQuestion: What is 2+2?\nAnswer: \\boxed{4}\nAnswer: 4",
        "\n\n### Problem: What is 2+2?\n\\boxed{4}",
        "<|im_end|>\n<|im_start|>user\n\\boxed{4}",
        "\n\n## Problem 2\nWhat is 2+2?\n\\boxed{4}\nAnswer: 4",
        "\n\n**Problem 2**\n\nWhat is 2+2?\n\\boxed{4}",
        "\n**Problem 2.** What is 2+2?\n\\boxed{4}",
        "\n### Exercise 2: 2+2\n\\boxed{4}",
        "\n\n**Exercise 2:**\nWhat is 2+2?\n\\boxed{4}",
        "\n\nProblem 2: What is 2+2?\n\\boxed{4}",
        "\n\n**Task:** What is 2+2?\n\\boxed{4}",
        "\n\nTask: What is 2+2?\n\\boxed{4}",
        "\n## Task\nWhat is 2+2?\n\\boxed{4}",
        "\n## Next Problem\nWhat is 2+2?\n\\boxed{4}",
        "\n\n### Instruction:\nWhat is 2+2?\n\n### Response:\n\\boxed{4}",
        " [INST] What is 2+2? [/INST] \\boxed{4}",
        "</s><s>[INST] What is 2+2? [/INST]\nAnswer: 4",
        "\n用户：2+2?\n助手：\\boxed{4}",
        "\n\n问题2：2+2?\n\\boxed{4}",
        "<start_of_turn>user\n2+2?\n\\boxed{4}",
        "<｜User｜>2+2?<｜Assistant｜>\\boxed{4}",
        "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n\\boxed{4}",
    ],
)
def test_an_invented_next_problem_is_not_read(invented: str):
    assert extract_answer(r"It is \boxed{7}" + invented, [BOXED]) == "7"
    assert extract_answer("It is so.\nAnswer: 7" + invented, [ANSWER]) == "7"


def test_the_parts_of_one_problem_are_no_invented_ones():
    text = "Question 1: a?\nAnswer: 5\n\nQuestion 2: b?\nAnswer: 7\n\nAnswer: 12"
    assert extract_answer(text, [ANSWER]) == "12"


@pytest.mark.parametrize(
    "parts",
    [
        r"(a) \boxed{3} (b) \boxed{4}",
        "**Part 1**\n\\boxed{3}\n\n**Part 2**\n\\boxed{4}",
        "## Problem 1\n\\boxed{3}\n\n## Problem 2\n\\boxed{4}",
        "**Question 1:** \\boxed{3}\n\n**Question 2:** \\boxed{4}",
        "### Step 1\n\\boxed{3}\n\n### Step 2\n\\boxed{4}",
        "\\boxed{3}\n\n## Problem analysis\n\\boxed{4}",
        "\\boxed{3}\n\nThe task: check.\n\\boxed{4}",
        "## Problem 2\n\\boxed{4}",
        "\\boxed{3} is the median.\n\n**Q3 = 4**, so \\boxed{4}",
    ],
)
def test_parts_in_any_dress_are_read_to_the_last(parts: str):
    assert extract_answer(parts, [BOXED]) == "4"


def test_the_first_answer_ends_where_its_boxes_do():
    text = r"\boxed{1} or \boxed{2} but \boxed{3}"
    assert text[: end_of_first_answer(text, [BOXED])] == r"\boxed{1} or \boxed{2}"
    assert end_of_first_answer("nothing", [BOXED, ANSWER]) is None


def test_a_marker_of_nothing_is_refused():
    with pytest.raises(ValueError, match="expected a marker"):
        extract_answer("5", [" "])


PIECES = (
    *("\\boxed{", "\\boxed{1}", "\\boxed{}", "\\boxed[", "{", "}", "{}", "\\", "\\\\", "\\{"),
    *(
        "Answer: ",
        "Answer: 1\n",
        "answer",
        "<answer>",
        "</answer>",
        "## ",
        "**",
        "*",
        "_",
        "`",
        "$",
        "$$ ",
        "\\[",
        "```\n",
    ),
    *("the ", "Final ", " ", "\n", "\n\n", " and ", ", ", ".", "(", ")", "<|", "<think>", "x"),
)


@pytest.mark.parametrize("seed", range(30))
def test_hostile_text_takes_time_in_proportion_to_its_length(seed: int):
    chance = random.Random(seed)
    pieces = chance.sample(PIECES, k=chance.choice([1, 1, 2, 3]))
    long = "".join(pieces) * 12_000
    # In CPU seconds; a busy machine makes even these two or three times as many.
    start = time.process_time()
    extract_answer(long, [BOXED, ANSWER, "<answer>"])
    extract_answer(r"\boxed{1}" + long, [BOXED, ANSWER])
    assert time.process_time() - start < 0.6 + 1e-5 * len(long)


def test_ten_megabytes_of_open_braces_are_no_answer():
    assert extract_answer(r"\boxed{" + "{" * 10_000_000, [BOXED]) is None
