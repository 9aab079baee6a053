"""No secret in a study: it names variables, and what they hold is stored and shown nowhere."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
import pytest
from scripted_runs import run_all, small_study

from tasks.publication.summary import load_summary
from tasks.runs.opening import open_run
from tasks.study.reading import load_study
from tasks.study.secrets import check_secrets, reveal, shown_study
from tasks.study.tables import Gate
from tasks.tracking.entries import publication_of
from tasks.versions.gate import deliver
from warehouse.errors import UserError
from warehouse.snapshot import Snapshot
from warehouse.store import Store

PLANTED = "xoxb-4711-planted"
HOOK = f"https://hooks.example.com/services/T0/B0/{PLANTED}"
LITERAL = [
    {"gate": {"webhook": HOOK}},
    {"gate": {"webhook": "http://alerts.lan"}},
    {"gate": {"webhook": f"https://user:{PLANTED}@hooks.example.com/${{NAME}}"}},
    {"gate": {"command": ["curl", "-d@-", HOOK]}},
    {"gate": {"command": ["notify", "--token", PLANTED]}},
    {"gate": {"command": ["notify", f"--api-key={PLANTED}"]}},
    {"gate": {"command": ["notify", "--token", "${NAME}", "--secret", PLANTED]}},
    {"gate": {"command": ["sh", "-c", f"SLACK_TOKEN={PLANTED} notify"]}},
    {"gate": {"command": ["curl", "-H", f"Authorization: Bearer {PLANTED}", "alerts.lan"]}},
    {"answer": "command", "answer_command": ["judge", "--password", PLANTED]},
    {
        "engine": {
            "servers": [{"model": "m", "name": "m", "urls": [f"http://u:{PLANTED}@host:8000"]}]
        }
    },
]
NAMED = [
    {"gate": {"webhook": "${NAME}"}},
    {"gate": {"webhook": "https://hooks.example.com/services/${NAME}"}},
    {"gate": {"command": ["notify", "--token", "${NAME}", "nightly"]}},
    {"gate": {"command": ["curl", "-H", "Authorization: Bearer ${NAME}", "${HOOK}"]}},
    {"gate": {"command": ["cp", "/dev/stdin", "/tmp/token.json"]}},
    {"gate": {"command": ["mail", "-s", "a token count fell", "team@example.com"]}},
    {"answer": "command", "answer_command": ["python", "judge.py", "--max-tokens-file", "a.json"]},
    {"engine": {"servers": [{"model": "m", "name": "m", "urls": ["http://host:8000/base"]}]}},
]


@pytest.mark.parametrize("changes", LITERAL)
def test_a_secret_in_a_study_is_refused_and_not_repeated(
    changes: dict[str, object], tmp_path: Path
) -> None:
    study = small_study(**changes)
    with Store.open(tmp_path) as store, pytest.raises(UserError) as refused:
        open_run(store, study, study.generator.models[0])
    said = str(refused.value)
    assert PLANTED not in said and "alerts.lan" not in said
    assert "${" in said and "export" in said


@pytest.mark.parametrize("changes", NAMED)
def test_what_names_a_variable_or_is_no_secret_is_taken(changes: dict[str, object]) -> None:
    check_secrets(small_study(**changes))


def test_a_key_that_is_missing_is_said_without_those_beside_it() -> None:
    with pytest.raises(UserError, match=r"servers\.0\.name: Field required, got nothing"):
        small_study(engine={"servers": [{"model": "m", "urls": [HOOK]}]})


def test_a_study_file_is_refused_before_a_schedule_has_it(tmp_path: Path) -> None:
    path = tmp_path / "nightly.toml"
    path.write_text(f'[gate]\nwebhook = "{HOOK}"\n')
    with pytest.raises(UserError, match=r"gate\.webhook as the name of a variable"):
        load_study(path)


def test_a_variable_is_read_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text(f"{PLANTED}\n")
    monkeypatch.setenv("NAME_FILE", str(tmp_path / "secret"))
    assert reveal("a ${NAME} b").text == f"a {PLANTED} b"
    monkeypatch.setenv("NAME", "first")
    assert reveal("${NAME}${NAME}").text == "firstfirst"
    # Not looked into again: a value is no text of the study.
    monkeypatch.setenv("NAME", "${OTHER}")
    assert reveal("${NAME}").text == "${OTHER}"
    monkeypatch.delenv("NAME")
    monkeypatch.setenv("NAME_FILE", str(tmp_path / "absent"))
    with pytest.raises(UserError, match=r"got .*No such file"):
        reveal("${NAME}")


def test_whoever_fails_to_take_an_alarm_and_quotes_the_secret_is_quoted_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NAME", PLANTED)
    monkeypatch.setenv("HOOK", f"http://127.0.0.1:9/{PLANTED}")
    quoting = (sys.executable, "-c", "import sys; sys.exit('bad token ' + sys.argv[1])", "${NAME}")
    for gate in (Gate(command=quoting), Gate(webhook="${HOOK}"), Gate(command=("no-${NAME}",))):
        with pytest.raises(UserError) as said:
            deliver(gate, "{}")
        assert PLANTED not in str(said.value)


def test_a_planted_secret_is_in_no_file_row_or_publication(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAME", HOOK)
    folder = tmp_path / "warehouse"
    run_id = run_all(folder, small_study(gate={"webhook": "${NAME}", "command": ["x", "${NAME}"]}))
    found = publication_of(load_summary(Snapshot(folder), run_id))
    assert "${NAME}" in found.files["study.json"]
    assert PLANTED not in repr(found)
    with Store.open(folder) as store:
        store.export(tmp_path / "export")
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or PLANTED.encode() not in path.read_bytes()
    # Compressed texts are found in no bytes: the rows are read.
    for table in (tmp_path / "export").glob("*.parquet"):
        assert PLANTED not in pl.read_parquet(table).write_json()


def test_of_a_study_that_was_stored_with_a_secret_it_is_not_published() -> None:
    stored = small_study(
        gate={"webhook": HOOK, "command": ["notify", "--token", PLANTED]},
        answer="command",
        answer_command=["judge", "--password", PLANTED],
    ).to_json()
    shown = shown_study(stored)
    assert PLANTED not in json.dumps(shown)
    plain = small_study().to_json()
    unset = json.loads(plain)["gate"]
    assert shown["gate"] == unset | {"webhook": "…", "command": ["…"]}
    assert shown_study(plain) == json.loads(plain)
