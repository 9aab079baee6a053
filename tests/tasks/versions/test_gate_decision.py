"""The regression gate: how often it cries wolf, whether it sees one, and whom it tells."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from nights import chances, compared

from tasks.statistics.comparisons import SIGNIFICANCE, Difference
from tasks.statistics.intervals import Estimate
from tasks.study.tables import Gate
from tasks.versions.comparison import Compared, Comparison
from tasks.versions.gate import alarm_of, alarm_sentence, deliver, worse_at
from tasks.versions.reigns import significance_of
from warehouse.errors import UserError

SAME = Difference(Estimate(0.0, 0.0, 0.0), p=1.0)
NOW, CHAMPION = {"version": 3, "run_id": "run-c"}, {"version": 2, "run_id": "run-b"}


def loss(budget: int, gain: float, p: float) -> Comparison:
    difference = Estimate(gain, gain - 0.05, gain + 0.05)
    return Comparison(budget, 0.5 + gain, 0.5, Difference(difference, p), SAME)


def test_two_replicates_of_one_model_raise_an_alarm_on_at_most_five_nights_in_a_hundred() -> None:
    chance = chances(200, seed=1)
    alarms = sum(
        bool(worse_at(compared(chance, chance, seed=seed), significance=SIGNIFICANCE))
        for seed in range(200)
    )
    assert alarms <= 10


def test_a_model_that_lost_half_its_chances_is_caught_every_night() -> None:
    chance = chances(200, seed=1)
    late = significance_of(30)
    assert all(
        worse_at(compared(0.5 * chance, chance, seed=seed), significance=late) for seed in range(20)
    )


def budgets_alone(*several: Comparison) -> Compared:
    return Compared(list(several), None)


def worse(compared: Compared) -> tuple[bool, list[int]]:
    return worse_at(compared, significance=SIGNIFICANCE)


def test_a_loss_counts_after_correction_for_all_headline_budgets() -> None:
    # Holm over three: .02 · 3 = .06 is not significant; .01 · 3 = .03 is, and then .02 · 2 = .04.
    rest = [loss(16, 0.0, 1.0)]
    one = budgets_alone(loss(1, -0.1, 0.02), loss(4, 0.0, 1.0), *rest)
    assert worse(one) == (False, [])
    two = budgets_alone(loss(1, -0.1, 0.02), loss(4, -0.1, 0.01), *rest)
    assert worse(two) == (False, [1, 4])


def test_half_of_the_level_is_for_all_budgets_together_and_passed_on_where_that_is_rejected() -> (
    None
):
    together = Difference(Estimate(-0.1, -0.15, -0.05), p=0.03)
    budgets = [loss(1, -0.1, 0.02), loss(4, -0.1, 0.02)]
    # 2 · .03 is not significant, and neither is 2 · 2 · .02 with half of the level.
    assert worse(Compared(budgets, together)) == (False, [])
    # 2 · .02 is, so that 2 · .02 of single budgets is as well.
    assert worse(Compared(budgets, together._replace(p=0.02))) == (True, [1, 4])
    # Without it they need half: 2 · 2 · .012.
    strong = [loss(1, -0.1, 0.012), loss(4, -0.1, 0.012)]
    assert worse(Compared(strong, together._replace(p=0.9))) == (False, [1, 4])


def test_a_gain_is_no_regression() -> None:
    gain = Compared([loss(4, 0.2, 0.001)], Difference(Estimate(0.2, 0.1, 0.3), p=0.001))
    assert not worse_at(gain, significance=SIGNIFICANCE)
    assert alarm_of(gain, significance=SIGNIFICANCE, now=NOW, champion=CHAMPION) is None


def test_one_question_proves_nothing() -> None:
    assert not worse_at(budgets_alone(loss(4, -1.0, float("nan"))), significance=SIGNIFICANCE)


def alarm() -> str:
    budgets = [loss(4, -0.1, 0.001), loss(16, -0.02, 0.5)]
    compared = Compared(budgets, Difference(Estimate(-0.06, -0.1, -0.02), p=0.002))
    raised = alarm_of(compared, significance=SIGNIFICANCE, now=NOW, champion=CHAMPION)
    assert raised is not None
    return raised


def test_the_alarm_names_both_versions_and_every_budget() -> None:
    parsed = json.loads(alarm())
    assert (parsed["version"], parsed["champion"], parsed["worse_at"]) == (NOW, CHAMPION, [4])
    assert [(row["budget"], row["worse"]) for row in parsed["budgets"]] == [(4, True), (16, False)]
    assert alarm_sentence(alarm()) == (
        "significantly worse than champion version 2 over all budgets (-0.06), at N = 4 (-0.10)"
    )


def test_the_command_gets_the_alarm_on_its_standard_input(tmp_path: Path) -> None:
    copy = (
        f"import sys, pathlib; pathlib.Path({str(tmp_path / 'got')!r}).write_text(sys.stdin.read())"
    )
    deliver(Gate(command=(sys.executable, "-c", copy)), alarm())
    assert (tmp_path / "got").read_text() == alarm()


def test_the_webhook_gets_the_alarm_by_post(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[tuple[str | None, bytes]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(
                (self.headers["Content-Type"], self.rfile.read(int(self.headers["Content-Length"])))
            )
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        monkeypatch.setenv("TTC_TEST_HOOK", f"http://127.0.0.1:{server.server_port}/hook")
        deliver(Gate(webhook="${TTC_TEST_HOOK}"), alarm())
        answering.join()
    assert got == [("application/json", alarm().encode())]


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        (Gate(command=("no-such-command",)), "no-such-command"),
        (
            Gate(command=(sys.executable, "-c", "import sys; sys.exit('full')")),
            "got 1; it said: full",
        ),
        (Gate(webhook="http://127.0.0.1:9/${TTC_TEST_HOOK}"), "got ConnectError"),
        (Gate(webhook="${TTC_TEST_UNSET}"), "variable TTC_TEST_UNSET, or a file"),
    ],
)
def test_what_does_not_take_the_alarm_is_named(
    gate: Gate, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTC_TEST_HOOK", "hook")
    with pytest.raises(UserError, match=said):
        deliver(gate, alarm())


def test_a_gate_that_names_nobody_tells_nobody() -> None:
    deliver(Gate(), alarm())


def test_equal_versions_have_no_accuracy_to_lose() -> None:
    chance = np.zeros(40)
    assert not worse_at(compared(chance, chance, seed=0), significance=SIGNIFICANCE)
