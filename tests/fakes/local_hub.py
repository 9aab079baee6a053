"""A hub of models on loopback: the three answers of the Hugging Face API that fetching needs."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

COMMITS = {"main": "1" * 40, "v1": "2" * 40}
NAME = "someone/model"


class LocalHub(ThreadingHTTPServer):
    """One repository, `someone/model`, whose revisions are folders."""

    daemon_threads = True

    def __init__(self, folders: dict[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.folders = {COMMITS[revision]: folder for revision, folder in folders.items()}
        self.failure: int | None = None
        """Status that every request gets instead of an answer."""
        self.code = ""
        """What the hub calls that failure (`X-Error-Code`)."""
        self.asked: list[str] = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_port}"


class _Answers(BaseHTTPRequestHandler):
    server: LocalHub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = urlsplit(self.path).path.strip("/")
        self.server.asked.append(path)
        if self.server.failure is not None:
            self._send(self.server.failure, b"", {"X-Error-Code": self.server.code})
        elif path == f"api/models/{NAME}":
            self._tell_revision("main")
        elif path.startswith(f"api/models/{NAME}/revision/"):
            self._tell_revision(path.rpartition("/")[2])
        elif path.startswith(f"api/models/{NAME}/tree/"):
            self._tell_files(path.rpartition("/")[2])
        elif path.startswith(f"{NAME}/resolve/"):
            commit, _, name = path.removeprefix(f"{NAME}/resolve/").partition("/")
            self._send_file(commit, name)
        else:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"})

    def do_HEAD(self) -> None:
        self.do_GET()

    def _tell_revision(self, revision: str) -> None:
        commit = COMMITS.get(revision, revision)
        if commit in self.server.folders:
            self._send_json({"id": NAME, "sha": commit, "siblings": []})
        else:
            self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})

    def _tell_files(self, commit: str) -> None:
        files = [
            {
                "type": "file",
                "path": path.name,
                "size": path.stat().st_size,
                "oid": hashlib.sha1(path.read_bytes()).hexdigest(),
            }
            for path in sorted(self.server.folders[commit].iterdir())
        ]
        self._send_json(files)

    def _send_file(self, commit: str, name: str) -> None:
        content = (self.server.folders[commit] / name).read_bytes()
        tag = hashlib.sha1(content).hexdigest()
        self._send(200, content, {"ETag": f'"{tag}"', "X-Repo-Commit": commit})

    def _send_json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the lines would stand among those of the tests."""
