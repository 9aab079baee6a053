"""`ttc solve` and the endpoint of `ttc serve`: scripted models, and once the bundled ones."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time

import httpx
import pytest
from scripted_runs import ScriptedEngines, run_all, small_study
from serving import TTC, free_port

from flows.answers.application import application
from tasks.benchmarks import bundled
from tasks.serving.solver import open_solver
from tasks.settings import ROOT

MODEL = "bundled/congruences-generator"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A state folder with one complete run, and the run's id."""
    folder = tmp_path_factory.mktemp("solve")
    return folder, run_all(folder / "warehouse", small_study(probe_draws=2))


class Slow(ScriptedEngines):
    """Keeps the engines of every run that opened some."""

    opened: list[Slow] = []  # noqa: RUF012

    def __init__(self, run):
        super().__init__(run, 0.02)
        Slow.opened.append(self)


def asked(home, requests, *, budget=None, engines=ScriptedEngines):
    """Replies of the endpoint to (method, path, body), all sent at once."""
    folder, run_id = home
    app = application(
        lambda: open_solver(folder / "warehouse", run_id, engines=engines),
        hosts={"x"},
        budget=budget,
    )

    async def everything():
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://x"
        )
        async with app.router.lifespan_context(app), client:
            return await asyncio.gather(
                *(client.request(m, path, json=body) for m, path, body in requests)
            )

    return asyncio.run(everything())


def chat(**changes):
    return (
        "POST",
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": text_of(0)}]} | changes,
    )


def text_of(place):
    """A question of the run: the scripted models know no others."""
    return bundled.questions("test", 20)[place].text


def test_a_chat_is_answered_with_usage_and_what_it_took(home):
    (reply,) = asked(home, [chat(budget=8, model=MODEL)])
    body = reply.json()
    assert reply.status_code == 200, body
    assert body["object"] == "chat.completion"
    record = body["ttc"]
    assert body["choices"][0]["message"] == {"role": "assistant", "content": record["text"]}
    assert (
        record["run_id"] == home[1]
        and record["bin"] in (None, 1, 2, 3, 4, 5)
        and record["budget"] == 8
    )
    assert 2 <= record["cost"]["generations"] <= 8
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens"] == record["cost"]["generated_tokens"] > 0


def test_the_last_user_message_is_the_question_also_in_parts(home):
    text = text_of(0)
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "something else"},
        {"role": "assistant", "content": "?"},
        {"role": "user", "content": [{"type": "text", "text": text}]},
    ]
    plain, parts = asked(home, [chat(budget=4), chat(budget=4, messages=turns)])
    assert plain.json()["ttc"] == parts.json()["ttc"]


def test_a_completion_gets_the_same_answer_as_a_chat(home):
    one, other = asked(
        home, [chat(budget=4), ("POST", "/v1/completions", {"prompt": text_of(0), "budget": 4})]
    )
    assert other.json()["choices"][0]["text"] == one.json()["choices"][0]["message"]["content"]
    assert other.json()["object"] == "text_completion"


def test_the_budget_is_the_policys_largest_up_to_16_unless_told(home):
    # The run's budgets end at 8.
    assert asked(home, [chat()])[0].json()["ttc"]["budget"] == 8
    assert asked(home, [chat()], budget=3)[0].json()["ttc"]["budget"] == 3


def test_models_and_health_say_what_is_served(home):
    models, health = asked(home, [("GET", "/v1/models", None), ("GET", "/health", None)])
    assert [model["id"] for model in models.json()["data"]] == [MODEL]
    assert health.json() == {"status": "ok", "run_id": home[1], "budget": 8}


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"model": "other"}, 404, MODEL),
        ({"budget": 0}, 400, "at least 1"),
        ({"budget": "many"}, 400, "budget"),
        ({"messages": []}, 400, "role user"),
        ({"messages": [{"role": "user", "content": " "}]}, 400, "expected a question"),
        ({"messages": [{"role": "user", "content": text_of(0) * 200}]}, 400, "prompt of at most"),
        ({"stream": "perhaps"}, 400, "stream"),
        ({"stream_options": {"include_usage": True}}, 400, "stream_options"),
        ({"n": 2}, 400, "n:"),
    ],
)
def test_what_cannot_be_answered_is_refused_as_openai_does(home, changes, status, said):
    (reply,) = asked(home, [chat(**changes)])
    error = reply.json()["error"]
    assert (reply.status_code, error["type"]) == (status, "invalid_request_error")
    assert said in error["message"]
    assert set(error) == {"message", "type", "param", "code"}


def test_an_unknown_path_is_an_error_in_the_same_form(home):
    (reply,) = asked(home, [("GET", "/v2", None)])
    assert reply.status_code == 404 and reply.json()["error"]["message"] == "Not Found"


class Broken(ScriptedEngines):
    async def engine(self, _model):
        raise RuntimeError("engine broke")


def test_a_failure_of_ours_is_a_server_error_without_its_inside(home):
    (reply,) = asked(home, [chat()], engines=Broken)
    assert reply.status_code == 500
    assert reply.json()["error"]["type"] == "server_error" and "broke" not in reply.text


def test_requests_at_once_share_the_engine_and_do_not_wait_for_each_other(home):
    # Every reply of the scripted engine takes 20 ms: twenty questions one after the other would
    # take twenty times as long as one.
    Slow.opened.clear()
    bodies = [chat(messages=[{"role": "user", "content": text_of(place)}]) for place in range(20)]
    start = time.monotonic()
    asked(home, bodies[:1], engines=Slow)
    alone = time.monotonic() - start
    replies = asked(home, bodies, engines=Slow)
    assert [reply.status_code for reply in replies] == [200] * 20
    assert time.monotonic() - start - alone < 10 * alone
    assert len(Slow.opened) == 2


def ttc(home, *arguments):
    environment = {**os.environ, "TTC_HOME": str(home[0])}
    return subprocess.run(
        [*TTC, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_solve_refuses_a_run_that_is_not_there(home):
    done = ttc(home, "solve", "1 + 1", "--policy", "20200101-000000-0000")
    assert done.returncode == 2
    assert "20200101-000000-0000" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_solve_answers_with_the_bundled_models(home):
    done = ttc(home, "solve", text_of(0), "--budget", "8", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["run_id"] == home[1] and found["answer"]
    assert found["cost"]["generations"] <= 8 and found["cost"]["flops"] > 0


@pytest.mark.slow
def test_serve_answers_over_http_and_ends_with_the_signal(home):
    port = free_port()
    environment = {**os.environ, "TTC_HOME": str(home[0])}
    server = subprocess.Popen([*TTC, "serve", "--port", port], cwd=ROOT, env=environment)
    try:
        address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 240
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{address}/health").status_code == 200:
                    break
            assert server.poll() is None and time.monotonic() < deadline
            time.sleep(0.5)
        _, path, body = chat(budget=8)
        reply = httpx.post(address + path, json=body, timeout=120)
        assert reply.status_code == 200 and reply.json()["ttc"]["answer"]
    finally:
        server.send_signal(signal.SIGINT)
        try:
            code = server.wait(60)
        finally:
            server.kill()
        assert code == 130  # as every command that Ctrl-C ends
