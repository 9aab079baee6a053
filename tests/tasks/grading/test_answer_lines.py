"""Answers that follow a word, in any dress."""

import itertools

import pytest

from tasks.grading.extraction import extract_answer, marked_answer

BOXED = r"\boxed"
ANSWER = "Answer: "

WORDS = ("Answer", "ANSWER", "answer", "Final Answer", "The final answer", "So the answer", "答案")
DRESSED = (
    "{word}: {value}",
    "{word}:{value}",
    "{word} : {value}",
    "{word}：{value}",
    "{word}:\N{NO-BREAK SPACE}{value}",
    "**{word}:** {value}",
    "**{word}**: {value}",
    "**{word}: {value}**",
    "__{word}__: {value}",
    "`{word}: {value}`",
    "### {word}: {value}",
    "> *{word}:* {value}",
    "✅ {word}: **{value}**",
    "{word}: `{value}`",
    "{word}:\n{value}",
    "{word}: \r\n\r\n{value}\r\n",
    "**{word}:**\n\n{value}",
    "## {word}\n\n{value}",
    "**{word}**\n{value}",
    "{word}: \n\n\\[{value}\\]",
    "{word}:\n$$\n{value}\n$$\n",
    "{word}: \\boxed{{{value}}}",
    "{word}: $\\boxed{{{value}}}$.",
    "{word}: \\boxed{{\n{value}\n}}",
    "{word}: {value}<|im_end|>",
    "{word}: {value}</s>",
    "{word}: {value}.",
    "{word} is: {value}",
)


# A heading without a colon is read in English.
IN_DRESS = [
    (word, dress)
    for word, dress in itertools.product(WORDS, DRESSED)
    if word != "答案" or ":" in dress or "：" in dress
]


@pytest.mark.parametrize(("word", "dress"), IN_DRESS)
def test_a_line_that_says_answer_gives_it_in_any_dress(word: str, dress: str):
    for value in ("42", "D", r"\frac{1}{2}", "x = 3"):
        text = "So I think it is 7.\n\n" + dress.format(word=word, value=value)
        for markers in ([ANSWER], [BOXED, ANSWER], [ANSWER, BOXED]):
            assert extract_answer(text, markers) == value, (text, markers)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("a\nAnswer: 42\nmore 7", "42"),
        ("Answer: 1\nAnswer: a=4 b=2  ", "a=4 b=2"),
        ("Answer: 1\r\nnext", "1"),
        ("Answer: 42\n\nAnswer:", "42"),
        ("Answer: 42\n\nTo check the answer: it holds.", "42"),
        ("Answer: 42\n\nI double-checked my answer: yes.", "42"),
        ("Question: 1+1? Answer: 2\nSo my result.\nAnswer: 42", "42"),
        ("So the Answer: 42", "42"),
        ("Answer: -5", "-5"),
        ("Answer: >", ">"),
        (r"Answer: \boxed{4", None),
        ("NonAnswer: 5", None),
        ("My answers: 5", None),
        ("Answer", None),
        ("Answer: ", None),
        ("the result is 42", None),
        ("", None),
    ],
)
def test_a_literal_marker_gives_the_rest_of_its_line(text: str, answer: str | None):
    assert extract_answer(text, [ANSWER]) == answer


@pytest.mark.parametrize("words", ["A. Lincoln", "C - the mean", "B: none of these"])
def test_in_answers_of_words_nothing_is_a_label(words: str):
    assert marked_answer(f"Answer: {words}", [ANSWER]) == words


def test_below_a_marker_a_dash_begins_an_item_of_a_list():
    assert extract_answer("**Answer:**\n\n- 42", [ANSWER]) == "42"
    assert extract_answer("**Answer:**\n\n-42", [ANSWER]) == "-42"
    assert extract_answer("Answer: - 42", [ANSWER]) == "- 42"


def test_a_tag_holds_the_answer():
    markers = ["<answer>", BOXED]
    assert extract_answer("<answer>1</answer>\n<answer>\n42\n</answer> so", markers) == "42"
    assert extract_answer("<answer>$\\boxed{42}$</answer>", markers) == "42"
    assert extract_answer("<answer>42 and \\boxed{7}", markers) == "7"
    assert extract_answer("<answer></answer> \\boxed{7}", markers) == "7"


def test_a_marker_that_is_not_the_word_answer_is_found_too():
    assert extract_answer("so\n#### 42", ["#### "]) == "42"
    assert extract_answer("so\n**Result:** 42", ["Result: "]) == "42"
    assert extract_answer("so the answer is (C).", ["the answer is "]) == "(C)"
