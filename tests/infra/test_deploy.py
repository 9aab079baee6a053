"""What infra/deploy holds: units that systemd takes, pages whose commands exist, no secrets."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml
from team import DEPLOY, read_environment

from tasks.settings import INFRA, ROOT, Settings

UNITS = sorted(path.name for path in [*DEPLOY.glob("*.service"), *DEPLOY.glob("*.target")])
SHELL = ("install", "backup", "restore", "migrate", "as-worker", "rehearse", "worker.sbatch")
EXAMPLES = sorted(path.name for path in DEPLOY.glob("*.env.example"))
PLACEHOLDERS = ("", "DATABASE_PASSWORD", "ttc:PREFECT_PASSWORD")


def text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """The fenced blocks of the page that are marked so."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", text("README.md"), re.MULTILINE | re.DOTALL)


def call(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [DEPLOY / script, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    for name in UNITS:
        here = text(name).replace("/opt/ttc/.venv", sys.prefix).replace("/opt/ttc", str(ROOT))
        (tmp_path / name).write_text(here)
    command = ["systemd-analyze", "verify", *(tmp_path / name for name in UNITS)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    complaints = [line for line in said.stderr.splitlines() if "ttc" in line]
    assert (said.returncode, complaints) == (0, [])


def test_every_unit_stops_and_starts_with_the_target() -> None:
    for name in UNITS:
        if name != "ttc.target":
            assert "PartOf=ttc.target" in text(name) and "WantedBy=ttc.target" in text(name)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_holds_a_placeholder_where_a_secret_goes(name: str) -> None:
    values = read_environment(DEPLOY / name)
    secrets = {name: value for name, value in values.items() if re.search("PASSW|AUTH|KEY", name)}
    assert set(secrets.values()) <= set(PLACEHOLDERS)
    assert "mode 600" in text(name).splitlines()[0]


def test_addresses_hold_no_password() -> None:
    for path in DEPLOY.iterdir():
        assert re.findall(r"://[^/\s:@]+:[^/\s@]+@", path.read_text(encoding="utf-8")) == []


def test_our_variables_are_settings_or_those_of_the_scripts() -> None:
    known = {f"TTC_{name.upper()}" for name in Settings.model_fields}
    launcher = (INFRA / "ttc").read_text(encoding="utf-8")
    own = {"TTC_ETC", "TTC_STATE", "TTC_UNITS", "TTC_ENV", "TTC_DATABASE_PASSWORD"}
    known |= own | set(re.findall(r"\bTTC_[A-Z]+\b", launcher))
    named = {
        name
        for path in DEPLOY.iterdir()
        for name in re.findall(r"\bTTC_[A-Z_]+\b", path.read_text(encoding="utf-8"))
    }
    assert named - known == set()


def test_every_block_of_the_page_says_whether_it_is_rehearsed() -> None:
    fences = re.findall(r"^```(\w+)$", text("README.md"), re.MULTILINE)
    assert set(fences) <= {"sh", "shell"}
    assert len(blocks("sh")) >= 6


def test_every_script_is_on_the_page_or_in_a_unit_and_the_other_way_round() -> None:
    there = {path.name for path in DEPLOY.iterdir() if path.stat().st_mode & 0o111}
    told = text("README.md") + "".join(text(name) for name in UNITS)
    assert {name for name in there if name not in told} == set()
    named = set(re.findall(r"/opt/ttc/infra/deploy/([\w-]+)", told))
    assert named <= there


@pytest.mark.parametrize("name", SHELL)
def test_shells_can_read_the_scripts(name: str) -> None:
    shell = text(name).partition("\n")[0].removeprefix("#!")
    subprocess.run([shell, "-n", DEPLOY / name], check=True, timeout=30)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("install", ()),
        ("install", ("servers",)),
        ("install", ("nothing", "ttc.lan")),
        ("install", ("servers", "http://ttc.lan")),
        ("backup", ()),
        ("restore", ()),
        ("restore", ("/nonexistent",)),
        ("as-worker", ("0",)),
    ],
)
def test_a_script_says_in_one_sentence_what_it_expected(script: str, words: tuple[str]) -> None:
    refused = call(script, *words)
    assert refused.returncode == 2
    assert re.fullmatch(rf"{script}: expected .*, got '.*'\.\n", refused.stderr)


def test_a_unit_waits_until_its_server_answers_200() -> None:
    """Refused at first, then busy twice, then well."""
    asked: list[int] = []

    class Busy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(503 if len(asked) < 2 else 200)
            self.send_response(asked[-1])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Busy)
    Thread(target=server.serve_forever, daemon=True).start()
    answer = call("answers", f"http://127.0.0.1:{server.server_port}/health")
    server.shutdown()
    server.server_close()
    assert (answer.returncode, asked) == (0, [503, 503, 200])


def test_an_image_is_made_of_files_that_are_there() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", text("Containerfile"), re.MULTILINE)
    missing = [name for line in copied for name in line.split() if not (ROOT / name).exists()]
    assert copied and missing == []


def test_compose_asks_for_no_variable_that_its_example_lacks() -> None:
    asked = set(re.findall(r"\$\{(\w+)", text("compose.yaml")))
    there = set(read_environment(DEPLOY / "compose.env.example"))
    # Left out without harm: they have a default.
    optional = set(re.findall(r"\$\{(\w+):-", text("compose.yaml")))
    assert asked - optional <= there


def test_compose_starts_what_the_units_start() -> None:
    services = yaml.safe_load(text("compose.yaml"))["services"]
    for name in ("prefect", "mlflow"):
        command = " ".join(services[name]["entrypoint"])
        assert f"ExecStart=/opt/ttc/{command}" in text(f"ttc-{name}.service")
        port = services[name]["ports"][0].rpartition(":")[2]
        assert f"| servers | {port} |" in text("README.md")


def test_slurm_reads_all_that_is_meant_for_it() -> None:
    """It stops at the first line that is neither a comment nor empty."""
    lines = text("worker.sbatch").splitlines()
    first = next(place for place, line in enumerate(lines) if line and line[0] != "#")
    meant = [place for place, line in enumerate(lines) if line.startswith("#SBATCH")]
    assert meant and max(meant) < first
