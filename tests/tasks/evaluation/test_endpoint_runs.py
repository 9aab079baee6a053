"""Whole runs of a model behind chat completions: from a benchmark file to the policy."""

import dataclasses
import json
import time

import pytest
from chat_server import KEY, NAME, ChatServer

from tasks.evaluation import fit_policy, generate, measure, shards
from tasks.evaluation.forecast import forecast
from tasks.runs.opening import open_run
from tasks.study.study import study_from
from warehouse.errors import UserError
from warehouse.store import Store

LIMIT = 64


@pytest.fixture
def questions(tmp_path):
    path = tmp_path / "numbers.jsonl"
    rows = [
        {"id": f"q{number}", "question": f"How many words has text {number}?", "answer": "7"}
        for number in range(10)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def study_of(server, questions, *, endpoint=None, **changes):
    values = {
        "name": "chat",
        "benchmark": str(questions),
        "budgets": [1, 2, 4],
        "strategies": ["majority", "revisions(s=2)/majority"],
        "baseline": "majority",
        "difficulty_draws": 2,
        "probe_draws": 1,
        "verifier": None,
        "revisions": {},
        "generator": {"models": [NAME], "format": "chat-math", "max_tokens": LIMIT},
        "endpoints": [{"model": NAME, "url": server.url, **(endpoint or {})}],
    }
    return study_from(values | changes)


def opened(folder, study):
    with Store.open(folder) as store:
        return open_run(store, study, NAME)


def finish(folder, run_id):
    for stage in (generate, measure):
        stage.run(folder, run_id)
    assert fit_policy.run(folder, run_id) is None


def read(folder, sql, **values):
    with Store.open(folder) as store:
        return store.read(sql, **values)


def bill_of(folder, run_id):
    sums = "SELECT sum(generated_tokens) + sum(prompt_tokens) FROM draws WHERE run_id = $run_id"
    return int(read(folder, sums, run_id=run_id).item())


@pytest.mark.parametrize("manner", ["plain", "ignores n", "strict", "reasoning"])
def test_a_study_without_tokens_reaches_its_policy(tmp_path, questions, manner):
    folder = tmp_path / "warehouse"
    with ChatServer(manner) as server:
        run_id = opened(folder, study_of(server, questions))
        probed = server.tokens
        finish(folder, run_id)
        assert bill_of(folder, run_id) == server.tokens - probed
        # All is there: the same study costs one more look at who is asked.
        paid = server.paid
        generate.run(folder, run_id)
        assert server.paid == paid
    policy = read(folder, "SELECT DISTINCT strategy FROM policies WHERE run_id = $r", r=run_id)
    assert set(policy["strategy"]) <= {"majority", "revisions(s=2)/majority"}
    accuracy = read(
        folder,
        "SELECT avg(accuracy) FROM run_outcomes WHERE run_id = $r AND strategy = 'majority' "
        "AND budget = 1",
        r=run_id,
    ).item()
    # Four draws of five are right, and one of ten by chance: 0.82, of some twenty draws.
    assert 0.45 < accuracy <= 1.0
    flops = read(folder, "SELECT count(flops) FROM run_outcomes WHERE run_id = $r", r=run_id)
    assert flops.item() == 0


def test_a_run_goes_on_when_its_cap_is_raised_and_nothing_is_paid_twice(tmp_path, questions):
    folder = tmp_path / "warehouse"
    with ChatServer("ignores n") as server:
        small = study_of(server, questions, endpoint={"cap": {"tokens": 1500}})
        run_id = opened(folder, small)
        probed = server.tokens
        with pytest.raises(UserError, match=r"cap of tiny-chat .* raise cap in"):
            generate.run(folder, run_id)
        spent = server.tokens - probed
        assert 1500 <= spent < 1500 + 2 * LIMIT and bill_of(folder, run_id) == spent
        # The earlier sitting counts: under the same cap not one more request is made.
        paid = server.paid
        with pytest.raises(UserError, match=f"this run spent {spent:,} tokens"):
            generate.run(folder, run_id)
        assert server.paid == paid
        larger = study_of(server, questions, endpoint={"cap": {"tokens": 900_000}})
        before = server.tokens
        assert opened(folder, larger) == run_id
        probed += server.tokens - before
        finish(folder, run_id)
        assert bill_of(folder, run_id) == server.tokens - probed


def test_a_run_under_a_cap_is_not_shared_out(tmp_path, questions):
    folder = tmp_path / "warehouse"
    with ChatServer("ignores n") as server:
        capped = study_of(server, questions, endpoint={"cap": {"tokens": 1500}})
        run_id = opened(folder, capped)
        with pytest.raises(UserError, match="without a cap to be shared out"):
            shards.write_shards(folder, run_id, 2)


def test_the_key_stands_nowhere(tmp_path, questions, monkeypatch, capfd):
    monkeypatch.setenv("TINY_KEY", KEY)
    folder = tmp_path / "warehouse"
    with ChatServer(key=KEY) as server:
        study = study_of(server, questions, endpoint={"api_key_env": "TINY_KEY"})
        run_id = opened(folder, study)
        finish(folder, run_id)
        server.key = "another"
        later = dataclasses.replace(study, replicate=1)
        with pytest.raises(UserError, match="does not accept the key in TINY_KEY") as told:
            opened(folder, later)
    assert KEY not in repr(told.value) + repr(told.value.__cause__) + "".join(capfd.readouterr())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5 and not [path for path in files if KEY.encode() in path.read_bytes()]


PRM = {"model": "bundled/congruences-prm", "format": "congruences-prm"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"strategies": ["majority", "beam_search(m=4)"], "verifier": PRM},
            "strategies of whole completions for tiny-chat, got beam_search.*chat completions have",
        ),
        (
            {"verifier": {"model": "none", "format": "likelihood"}},
            "got 'likelihood', which reads the model's own log-probabilities",
        ),
        (
            {"generator": {"models": [NAME], "format": "congruences"}},
            "a generator.format with chat for tiny-chat, .*got 'congruences'",
        ),
        ({"revisions": {"model": "bundled/congruences-reviser"}}, "no revisions.model beside"),
        (
            {"engine": {"servers": [{"model": NAME, "urls": ["http://h:1"], "name": "x"}]}},
            "in engine.servers or in endpoints, got it in both",
        ),
        (
            {"endpoints": [{"model": "judge", "url": "http://h:1"}]},
            "every endpoint to be of one of generator.models, got one of 'judge'",
        ),
    ],
)
def test_what_needs_tokens_is_refused_before_the_server_is_asked(
    tmp_path, questions, changes, said
):
    started = time.monotonic()
    with ChatServer() as server:
        study = study_of(server, questions, **changes)
        with pytest.raises(UserError, match=said):
            opened(tmp_path / "warehouse", study)
    assert server.paid == 0 and time.monotonic() - started < 5


def test_a_forecast_asks_no_server(tmp_path, questions):
    folder = tmp_path / "warehouse"
    with ChatServer("ignores n") as server:
        study = study_of(server, questions)
        with Store.open(folder) as store:
            # Ten questions: a pool of 4, 2 that set the bin, and 2 chains of 2 revisions.
            assert forecast(store, study, NAME).draws == 100
        assert not server.requests
        generate.run(folder, opened(folder, study))
        paid = server.paid
        with Store.open(folder) as store:
            assert forecast(store, study, NAME).there > 50
        assert server.paid == paid


def test_a_local_verifier_may_judge_the_texts(tmp_path, questions):
    study_values = {"strategies": ["majority", "best_of_n"], "verifier": PRM, "revisions": None}
    with ChatServer() as server:
        assert opened(tmp_path / "warehouse", study_of(server, questions, **study_values))
