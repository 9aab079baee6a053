"""The password of our own Prefect server: drawn once, its owner's alone, told to nobody else."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flows.cli import doctor
from flows.servers import quiet
from flows.servers.disk import check_disk
from flows.servers.password import CLIENT, SERVER, password, path_of
from flows.servers.processes import environment, own_servers
from tasks.settings import Settings
from warehouse.errors import UserError
from warehouse.places import make_folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a new state folder and no server named."""
    for name in ("TTC_PREFECT_API", "TTC_MLFLOW_URI", "PREFECT_API_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TTC_HOME", str(tmp_path / "state"))
    for name in (CLIENT, SERVER):
        monkeypatch.delenv(name, raising=False)
    return Settings()


def test_it_is_drawn_once_and_its_owners_alone(here: Settings) -> None:
    before = os.umask(0)
    try:
        first = password(here.home)
    finally:
        os.umask(before)
    assert password(here.home) == first
    name, _, drawn = first.partition(":")
    assert name == "ttc" and len(drawn) >= 32
    assert mode(path_of(here.home)) == 0o600 and mode(path_of(here.home).parent) == 0o700
    assert [one.name for one in path_of(here.home).parent.iterdir()] == ["password"]
    assert password(here.home.with_name("other")) != first


def test_those_who_draw_at_once_agree(here: Settings) -> None:
    path_of(here.home).parent.mkdir(parents=True)
    (one,) = set(_drawn_at_once(here.home))
    assert one == password(here.home)


def _drawn_at_once(home: Path) -> list[str]:
    """What four processes drew."""
    readers: list[int] = []
    for _ in range(4):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.write(writer, password(home).encode())
            os._exit(0)
        os.close(writer)
        readers.append(reader)
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda reader: os.read(reader, 1000).decode(), readers))


@pytest.mark.parametrize(("text", "bits"), [("ttc:known\n", 0o644), ("", 0o600), ("ttc:", 0o600)])
def test_one_that_others_know_or_that_is_none_is_refused(
    here: Settings, text: str, bits: int
) -> None:
    path = path_of(here.home)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    path.chmod(bits)
    with pytest.raises(UserError, match="remove it, the next start draws another"):
        password(here.home)


def test_server_and_processes_of_ttc_up_know_it_and_no_list_of_processes_does(
    here: Settings,
) -> None:
    drawn = password(here.home)
    prefect, mlflow = own_servers(here)
    own = dict(prefect.environment)
    assert own[SERVER] == drawn == environment(here)[CLIENT]
    assert "*" not in own["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"]
    assert drawn not in " ".join((*prefect.command, *mlflow.command))
    allowed = mlflow.command[mlflow.command.index("--allowed-hosts") + 1].split(",")
    assert "127.0.0.1:5000" in allowed and not any("*" in name for name in allowed)


@pytest.mark.usefixtures("here")
def test_a_named_server_is_not_told_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTC_PREFECT_API", "http://prefect.lan/api")
    monkeypatch.setenv(CLIENT, "team:word")
    assert environment(Settings())[CLIENT] == "team:word"
    with quiet.prefect():
        assert os.environ[CLIENT] == "team:word" and SERVER not in os.environ


def test_a_server_that_a_command_starts_for_itself_has_it_too(here: Settings) -> None:
    with quiet.prefect():
        assert os.environ[CLIENT] == os.environ[SERVER] == password(here.home)
        assert os.environ["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == "none"


def test_a_new_state_folder_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        check_disk(tmp_path / "up")
        make_folder(tmp_path / "imported" / "warehouse")
        Settings(home=tmp_path / "published").mlflow_store()
    finally:
        os.umask(before)
    for name in ("up", "imported", "published"):
        assert mode(tmp_path / name) == 0o700


def test_doctor_says_of_an_older_one_that_others_may_look_in(here: Settings) -> None:
    here.home.mkdir(mode=0o755)
    here.home.chmod(0o755)
    (said,) = [one for one in doctor.findings(here) if one.topic == "privacy"]
    assert said.state == "warning" and f"chmod 700 {here.home}" in said.advice
    here.home.chmod(0o700)
    assert not [one for one in doctor.findings(here) if one.topic == "privacy"]
