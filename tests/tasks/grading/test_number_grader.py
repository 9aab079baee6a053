"""Numbers: value, unit, percent and rounding, as their question and target have them."""

from collections.abc import Iterator

import pytest

from tasks.benchmarks.question import Question
from tasks.grading.number_grader import NumberGrader
from warehouse.errors import UserError

GRADER = NumberGrader()
PLAIN = "What is it?"


@pytest.fixture(autouse=True, scope="module")
def ended() -> Iterator[None]:
    yield
    GRADER.close()


def verdict(answer: str, target: str, text: str = PLAIN) -> str:
    (word,) = GRADER.grade([(Question("q", text, target), answer)])
    return word


def form(answer: str, text: str = PLAIN) -> str:
    (written,) = GRADER.canonical([(Question("q", text, "0"), answer)])
    return written


@pytest.mark.parametrize(
    ("answer", "target"),
    [
        ("18", "18"),
        ("18.0", "18"),
        ("073", "73"),
        ("1,234", "1234"),
        ("1234", "1,234"),
        ("1 234 567", "1234567"),
        ("70000", "$70,000"),
        ("$70,000.00", "70000"),
        (r"\$18", "18"),
        ("$18$", "18"),
        ("€18", "18"),
        ("18 dollars", "18"),
        ("18 eggs", "18"),
        ("18 (eggs)", "18"),
        ("$18 every day at the market", "18"),
        ("**18**", "18"),
        (r"\boxed{18}", "18"),
        ("x = 18", "18"),
        ("16 - 3 + 5 = 18", "18"),
        ("x = 20 - 2 = 18", "18"),
        (r"x = 9 \times 2 = 18", "18"),
        ("total cost = $18", "18"),
        ("about 18", "18"),
        ("-5", "-5"),
        ("−5", "-5"),
        ("-$5", "-5"),
        ("1/2", "0.5"),
        (r"\frac{1}{2}", "0.5"),
        ("2 1/2", "2.5"),
        ("1e3", "1000"),
        ("1.5 million", "1500000"),
        ("2 dozen", "24"),
        ("five", "5"),
        ("１８", "18"),
        ("35%", "35"),
        ("35", "35%"),
        ("35 percent", "35%"),
        ("0.35", "35%"),
        ("35%", "0.35"),
        ("5 cents", "5"),
        ("500 cents", "$5"),
        ("90 minutes", "1.5 hours"),
    ],
)
def test_one_value_in_another_dress_is_correct(answer: str, target: str) -> None:
    assert verdict(answer, target) == "correct"


@pytest.mark.parametrize(
    ("answer", "target"),
    [
        ("17", "18"),
        ("180", "18"),
        ("-18", "18"),
        ("18.5", "18"),
        ("17.6", "18"),
        ("1.8", "18"),
        ("5 cents", "$5"),
        ("2 hours", "2 minutes"),
        ("2 dozen", "2"),
        ("1.5 million", "1.5"),
        ("35", "0.35"),
        ("3.5", "35%"),
        ("0.35%", "35"),
        ("0.35%", "0.35"),
        ("1,2345", "1234"),
    ],
)
def test_another_value_is_wrong(answer: str, target: str) -> None:
    assert verdict(answer, target) != "correct"


@pytest.mark.parametrize(
    "answer",
    [
        *("18 or 19", "17-18", "17 to 18", "x < 18", "≥ 18", "1:18", "eighteenish", "x", "?"),
        *("a=3 b=18", "x = 3, y = 18", "x=3 and y=18", "2x = 18", "3, y = 18", "x = 2y = 18"),
    ],
)
def test_what_is_not_one_number_is_none(answer: str) -> None:
    assert verdict(answer, "18") != "correct"


@pytest.mark.parametrize(
    ("answer", "target"),
    [("2^5 - 1", "31"), (r"\binom{5}{2}", "10"), ("9 * 2", "18"), ("4!", "24"), ("18 = x", "18")],
)
def test_what_only_mathematics_reads_is_judged_as_mathematics(answer: str, target: str) -> None:
    assert verdict(answer, target) == "correct"
    assert verdict(answer, str(int(target) + 1)) == "wrong"


@pytest.mark.parametrize(
    ("target", "right", "wrong"),
    [
        # One decimal and three digits: half a tenth around it, the upper end left out.
        ("33.3", ["33.33", "33.25", "100/3", "33.3"], ["33.35", "33.24", "33", "33.4"]),
        ("0.33", ["1/3", "0.333", "0.325"], ["0.3", "0.335", "0.34"]),
        ("$2.50", ["2.5", "2.504", "$2.50"], ["2.51", "3"]),
        ("-33.3", ["-33.33"], ["33.33", "-33.35"]),
        # Short numbers and whole ones are exact: 17.6 eggs are not 18.
        ("0.5", ["1/2"], ["0.54", "0.46"]),
        ("18", ["18.00"], ["17.6", "18.4"]),
        ("1,234", ["1234"], ["1234.2"]),
        # A fraction states no decimals.
        ("1/3", ["2/6"], ["0.333"]),
    ],
)
def test_what_rounds_to_a_rounded_target_is_correct(
    target: str, right: list[str], wrong: list[str]
) -> None:
    assert {answer: verdict(answer, target) for answer in right} == dict.fromkeys(right, "correct")
    assert {answer: verdict(answer, target) for answer in wrong} == dict.fromkeys(wrong, "wrong")


@pytest.mark.parametrize(
    ("text", "answers", "classes"),
    [
        # The question speaks of one unit of a kind: whoever writes it says nothing new.
        ("One walk is 3 hours. How long are six?", ["18", "18 hours", "18 h"], {"18"}),
        ("It costs $3. How much are six?", ["18", "$18", "18 dollars"], {"18"}),
        # It speaks of two, and does not say which it wants.
        ("From hours to minutes?", ["2", "2 hours", "2 minutes"], {"2", "2 hour", "2 min"}),
        # It says which it wants: the other is converted, exactly.
        ("How many minutes are 2 hours?", ["120", "120 minutes", "2 hours"], {"120"}),
        ("How much is it, in cents?", ["150", "150 cents", "$1.50"], {"150"}),
        ("How many dozen eggs?", ["2", "2 dozen"], {"2"}),
        ("How many eggs?", ["24", "2 dozen"], {"24"}),
        ("What percentage is red?", ["35", "35%"], {"35"}),
        (PLAIN, ["35", "35%", "0.35"], {"35", "35%", "7/20"}),
        (PLAIN, ["5 cents", "$5", "5"], {"5 cents", "5 ＄", "5"}),
        (PLAIN, ["1/3", "0.333", "2/6"], {"1/3", "333/1000"}),
    ],
)
def test_a_class_is_an_exact_value_in_the_terms_of_its_question(
    text: str, answers: list[str], classes: set[str]
) -> None:
    assert {form(answer, text) for answer in answers} == classes


def test_a_target_is_read_in_the_terms_of_its_question_too() -> None:
    text = "How many minutes are 2 hours?"
    assert verdict("2 hours", "120", text) == "correct"
    assert verdict("120 hours", "120", text) == "wrong"
    assert verdict("120", "120 minutes", text) == "correct"


def test_any_accepted_target_is_right() -> None:
    question = Question("q", PLAIN, "18", accepted=("20",))
    assert GRADER.grade([(question, "20.0"), (question, "19")]) == ["correct", "wrong"]


@pytest.mark.parametrize("target", ["x + 1", "3 or 4", "Paris", ""])
def test_a_target_that_is_no_number_is_refused_before_the_first_token(target: str) -> None:
    with pytest.raises(UserError, match="question q: expected a target that is a number"):
        GRADER.check([Question("q", PLAIN, target)])


def test_the_mark_of_gsm8k_is_read_where_the_format_has_another() -> None:
    assert GRADER.extract("9 * 2 = 18\n#### 18", ["Answer:"]) == "18"
    assert GRADER.extract("#### 17\nso\nAnswer: 18", ["Answer:"]) == "18"
    assert GRADER.extract("so it is 18", ["Answer:"]) is None


def test_a_number_of_a_million_digits_is_read_in_no_time() -> None:
    assert verdict("9" * 1_000_000, "18") != "correct"
    assert verdict("1e999999999", "18") != "correct"


WRITTEN = [
    ("So, the answer is 200. The trader sold 20 bags, and it costs $400.", "200"),
    ("The answer is $200. That is what he paid.", "$200"),
    ("The answer is 3.5 hours. It took long.", "3.5 hours"),
    ("The answer is **5** dollars.", "5 dollars"),
    ("**The answer is 5** dollars", "5 dollars"),
    ("The answer is **$5** per day", "$5 per day"),
    ("The answer is `5` dollars", "5 dollars"),
    # A list may begin so, and what is no number is left as it was written.
    ("The answer is 1. First he pays 3 dollars.", "1. First he pays 3 dollars"),
    ("The answer is 2x = 18. That is all.", "2x = 18. That is all"),
    ("The answer is 2**5", "2**5"),
]


@pytest.mark.parametrize(("text", "answer"), WRITTEN)
def test_a_number_ends_with_its_sentence_and_its_dress(text: str, answer: str):
    assert GRADER.extract(text, ["answer is"]) == answer
