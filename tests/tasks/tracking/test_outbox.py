"""What waits for MLflow is on disk and read whole or set aside; who publishes by hand is taken."""

import os
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from summaries import summary_of

from tasks.publication.summary import FRAMES
from tasks.statistics.intervals import Estimate
from tasks.tracking import outbox as waiting_room
from tasks.tracking.runs import publish, publish_outbox


def test_the_outbox_gives_back_what_was_put_in(tmp_path: Path) -> None:
    summary = summary_of(mdd=Estimate(0.03, 0.02, 0.04))
    back = waiting_room.get(waiting_room.put(summary, tmp_path))
    assert back.run == summary.run
    assert (back.prefect_run_id, back.mdd) == (summary.prefect_run_id, summary.mdd)
    for name in FRAMES:
        assert_frame_equal(getattr(back, name), getattr(summary, name))


def test_a_run_waits_once_however_often_it_is_put(tmp_path: Path) -> None:
    waiting_room.put(summary_of(), tmp_path)
    waiting_room.put(summary_of(), tmp_path)
    assert [folder.name for folder in waiting_room.waiting(tmp_path)] == ["run-a"]
    waiting_room.remove(tmp_path, "run-a")
    assert waiting_room.waiting(tmp_path) == []


def test_what_waits_is_on_disk_before_it_is_said_to_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.path.realpath(f"/proc/self/fd/{descriptor}"))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    folder = waiting_room.put(summary_of(), tmp_path)
    # Every file once, under its partial name, and the outbox last, after the folder has its own.
    assert len([name for name in synced if ".partial" in Path(name).name]) >= len(FRAMES) + 1
    assert synced[-1] == str(tmp_path.resolve())
    assert len(list(folder.iterdir())) == len(FRAMES) + 1


@pytest.mark.parametrize("file", ["summary.json", "accuracy.parquet"])
@pytest.mark.parametrize("left", [None, 0, 40])
def test_a_torn_entry_is_told_from_a_whole_one(tmp_path: Path, file: str, left: int | None) -> None:
    folder = waiting_room.put(summary_of(), tmp_path)
    content = (folder / file).read_bytes()
    (folder / file).unlink()
    if left is not None:
        (folder / file).write_bytes(content[:left])
    with pytest.raises(waiting_room.Torn):
        waiting_room.get(folder)
    waiting_room.set_aside(folder)
    assert waiting_room.waiting(tmp_path) == []
    assert (tmp_path / "damaged" / "run-a").is_dir()


@pytest.mark.parametrize("file", ["summary.json", "accuracy.parquet"])
@pytest.mark.parametrize("bit", [0, 3])
def test_an_entry_in_which_a_bit_has_turned_is_none(tmp_path: Path, file: str, bit: int) -> None:
    # Any of them: a figure of which one bit has turned is a figure too.
    folder = waiting_room.put(summary_of(), tmp_path)
    written = (folder / file).read_bytes()
    for place in range(0, len(written), len(written) // 40):
        spoilt = bytearray(written)
        spoilt[place] ^= 1 << bit
        (folder / file).write_bytes(spoilt)
        with pytest.raises(waiting_room.Torn):
            waiting_room.get(folder)


@pytest.mark.slow
def test_a_torn_entry_and_a_damaged_database_stop_no_publication(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outbox, database = tmp_path / "outbox", tmp_path / "mlflow.db"
    database.write_bytes(b"no database at all" * 1000)
    uri = f"sqlite:///{database}"
    for run in ("run-a", "run-b"):
        assert publish(summary_of(run), uri=uri, outbox=outbox) is None
    assert "run-b" in capsys.readouterr().err
    (outbox / "run-a" / "summary.json").write_text("{")
    # MLflow keeps a database open for as long as the process lives: the mended one lies elsewhere.
    sent = publish_outbox(outbox, f"sqlite:///{tmp_path}/mended.db")
    assert [run_id for run_id, _ in sent] == ["run-b"]
    assert "what waited for run run-a cannot be read" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_by_hand_publishes_into_the_experiment_of_a_server(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    summary = summary_of()
    # As a server makes it, which serves the files of the folder beside its database.
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    client.create_experiment(summary.run["benchmark"], artifact_location="mlflow-artifacts:/7")
    published = publish(summary, uri=uri, outbox=tmp_path / "outbox")
    assert published is not None
    files = tmp_path / "mlflow-artifacts" / "7" / published.mlflow_run_id / "artifacts"
    assert (files / "policy_model" / "MLmodel").is_file() and (files / "tables").is_dir()
    # Another run of the same version renews the files of the first.
    assert publish(summary_of("run-c", version=1), uri=uri, outbox=tmp_path / "outbox")
