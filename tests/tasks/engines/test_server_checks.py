"""Whether a server has the model of the study: its files, and how it splits texts."""

import asyncio
import json
import shutil
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from faulty_server import closed_port

from tasks.engines.running import RunEngines
from tasks.engines.server_checks import check_same, check_served
from tasks.models.tokenizers import load_tokenizer
from tasks.models.version import BUNDLED, load_model
from tasks.runs.loading import prepare_run
from tasks.study.study import study_from
from warehouse.errors import UserError

GENERATOR = BUNDLED / "congruences-generator"
MODEL = load_model("bundled/congruences-generator", "")


class Told(BaseHTTPRequestHandler):
    """Says of its model what the server was given to say."""

    def do_GET(self):
        self._send({"data": [{"id": "generator", **self.server.card}]})

    def do_POST(self):
        prompt = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["prompt"]
        split = self.server.split
        self._send({"tokens": split(prompt)} if split else {"detail": "Not Found"})

    def _send(self, body):
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def serve():
    servers = []

    def start(card=None, split=None):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Told)
        server.card, server.split = card or {}, split
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()


def check(url):
    (served,) = check_served([url], "generator")
    check_same(served, "generator", MODEL)


def test_a_server_that_splits_alike_or_tells_nothing_is_taken(serve):
    check(serve(split=load_tokenizer(GENERATOR).encode))
    check(serve())


@pytest.mark.parametrize("split", [lambda text: list(text.encode()), lambda _: [], lambda _: [1]])
def test_a_server_with_another_tokenizer_is_refused(serve, split):
    with pytest.raises(UserError, match=r"to split texts as the tokenizer in .*name the folder of"):
        check(serve(split=split))


def test_files_that_lie_here_are_compared(serve, tmp_path):
    shutil.copytree(GENERATOR, tmp_path / "copy")
    check(serve({"root": str(tmp_path / "copy")}))
    check(serve({"root": "/elsewhere/on/its/machine"}))
    with pytest.raises(UserError, match=r"it serves those of .*congruences-large, which"):
        check(serve({"root": str(BUNDLED / "congruences-large")}))


def test_a_run_is_refused_in_seconds_before_any_model_is_loaded(serve):
    dead = f"http://127.0.0.1:{closed_port()}"
    narrow = serve({"max_model_len": 100})
    for url, said in ((dead, "ConnectError"), (narrow, "context 100 less")):
        server = {"model": "bundled/congruences-generator", "urls": [url], "name": "generator"}
        study = study_from({"name": "served", "questions": 10, "engine": {"servers": [server]}})
        run = prepare_run(study, study.generator.models[0], run_id="r")
        started = time.monotonic()
        with pytest.raises(UserError, match=said):
            _ask_both(run)
        assert time.monotonic() - started < 5


def _ask_both(run):
    async def ask():
        engines = RunEngines(run)
        try:
            await engines.engine(run.generator)
        finally:
            await engines.close()

    asyncio.run(ask())
