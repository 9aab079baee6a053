"""What MLflow is given, the outbox, and real stores: a file, a server that is down or hangs."""

import json
import socket
import time
from pathlib import Path

import polars as pl
import pytest
from summaries import QUESTIONS, summary_of

from tasks.publication.first_lines import first_lines
from tasks.tracking import outbox as waiting_room
from tasks.tracking.entries import publication_of
from tasks.tracking.first_screen import run_links
from tasks.tracking.metrics import slug
from tasks.tracking.runs import IncompleteRun, Published, publish, publish_outbox
from warehouse.errors import UserError

REGISTERED = "ttc-policy-congruences-congruences-generator"


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_every_accuracy_is_a_metric_whose_step_is_the_budget() -> None:
    summary = summary_of()
    metrics = {(m.key, m.step): m.value for m in publication_of(summary).metrics}
    row = summary.overall.filter(strategy="beam_search(m=4)/weighted", budget=16).row(0, named=True)
    assert metrics["acc/beam_search_m4_weighted", 16] == row["accuracy"]
    assert {"acc/majority", "acc/weighted", "acc/coverage", "acc/compute_optimal"} <= {
        key for key, _ in metrics
    }
    assert metrics["efficiency_factor", 4] == 2.6
    assert metrics["exchange/r0.16", 5] == -0.1
    assert metrics["cost/proposer_generated_tokens", 0] == 506_221
    assert ("cost/verifier_generated_tokens", 0) not in metrics  # unknown is not zero


def test_parameters_name_study_fingerprints_seed_commit_and_packages() -> None:
    params = publication_of(summary_of()).parameters
    assert params["study.budgets"] == "[1, 2, 4, 8, 16]"
    assert params["study.generator.temperature"] == "1.0"
    assert params["model_fingerprint"] == "a7f3e91"
    assert params["package.vllm"] == "0.32.0"
    assert params["seed"] == "0"


def test_a_run_judged_by_another_grader_is_another_run_to_mlflow_that_says_by_which() -> None:
    summary = summary_of()
    anew = summary._replace(run=summary.run | {"grader": "3+mathematics"})
    one, other = publication_of(summary), publication_of(anew)
    assert one.subject != other.subject
    assert one.parameters["grader"] == "2+mathematics"
    assert other.tags["ttc.grader"] == other.model_tags["grader"] == "3+mathematics"
    assert "answers judged by grader `3+mathematics`" in other.first_screen.below
    assert "judged by grader 3+mathematics" in other.files["report.html"]


def test_the_comparable_tables_have_a_unique_key_first_and_the_text_second() -> None:
    tables = publication_of(summary_of()).tables
    cell, text = tables["policy_cells.json"].values()
    assert cell[0] == "bin 1 · N=16"
    assert len(set(cell)) == len(cell) == 25
    assert text[2].startswith("beam m=4 0.79 ± .0")
    budgets, by_budget = tables["policy.json"].values()
    assert budgets == ["N=16", "N=8", "N=4", "N=2", "N=1"]
    assert len(by_budget[0].splitlines()) == 6  # five bins and all questions


def test_the_first_screen_opens_with_the_four_lines_and_the_grid_and_links_every_place() -> None:
    publication = publication_of(summary_of())
    links = run_links(
        publication.prefect_run_id, experiment="1", run="m1", uri="http://mlflow.lan:5000/"
    )
    note = publication.first_screen.with_links(links)
    lines = first_lines(summary_of())
    opening = "\n".join(f"- {line}" for line in lines)
    assert note.startswith(f"{opening}\n\n| bin | N = 1 |")
    assert (
        links["HTML report"]
        == "http://mlflow.lan:5000/#/experiments/1/runs/m1/artifacts/report.html?workflowType=machine_learning"
    )
    assert links["Prefect run"].endswith("/runs/flow-run/0f9c2a8e-5d1b-4a55-9a39-2f2b3b7f6c11")
    assert all(f"]({address})" in note for address in links.values())
    assert "ttc sql" in note and "run-a" in note


def test_a_run_without_prefect_has_no_prefect_link() -> None:
    publication = publication_of(summary_of(prefect_run_id=None))
    links = run_links(publication.prefect_run_id, experiment="1", run="m", uri="http://x")
    assert "Prefect run" not in links


def test_names_are_such_that_a_registry_takes_them() -> None:
    summary = summary_of()
    assert publication_of(summary).model_name == REGISTERED
    plain = summary._replace(run=summary.run | {"benchmark": "gsm8k", "family": "Qwen2.5-1.5B"})
    assert publication_of(plain).model_name == "ttc-policy-gsm8k-Qwen2.5-1.5B"
    # What a registry refuses is gone, and the names are told apart all the same.
    lossy = [plain.run | {"family": family} for family in ("qwen/7b", "meta/7b", "qwen-7b")]
    names = [publication_of(plain._replace(run=run)).model_name for run in lossy]
    assert names[0].startswith("ttc-policy-gsm8k-qwen-7b-")
    assert names[1].startswith("ttc-policy-gsm8k-meta-7b-")
    assert len(set(names)) == 3
    assert slug("beam_search(m=sqrt)/weighted") == "beam_search_msqrt_weighted"


def test_an_incomplete_run_publishes_nothing_and_says_what_is_missing(tmp_path: Path) -> None:
    missing = pl.DataFrame({"strategy": ["weighted"], "budget": [16], "missing": [12]})
    with pytest.raises(IncompleteRun, match="weighted at budget 16 lacks 12 questions") as refused:
        publish(
            summary_of(missing=missing),
            uri=f"sqlite:///{tmp_path}/mlflow.db",
            outbox=tmp_path / "outbox",
        )
    assert isinstance(refused.value, UserError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_server_that_is_down_delays_the_publication_within_seconds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import mlflow  # noqa: F401 – its import takes seconds that are not the wait

    outbox, started = tmp_path / "outbox", time.monotonic()
    assert publish(summary_of(), uri=f"http://127.0.0.1:{closed_port()}", outbox=outbox) is None
    assert time.monotonic() - started < 10
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1 and "it waits in" in printed.err
    sent = publish_outbox(outbox, f"sqlite:///{tmp_path}/mlflow.db")
    assert [run_id for run_id, _ in sent] == ["run-a"]
    assert waiting_room.waiting(outbox) == []


@pytest.mark.slow
def test_a_server_that_hangs_delays_the_publication_within_seconds(tmp_path: Path) -> None:
    import mlflow  # noqa: F401

    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert publish(summary_of(), uri=uri, outbox=tmp_path / "outbox") is None
        assert publish_outbox(tmp_path / "outbox", uri) == []
        assert time.monotonic() - started < 30


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Published | None]]:
    """A real file store with two model versions, the first published twice by two nights' runs."""
    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder}/mlflow.db"
    summaries = [
        summary_of("run-a", version=1),
        summary_of("run-b", version=2, seed=7),
        summary_of("run-c", version=1),
    ]
    return uri, [publish(summary, uri=uri, outbox=folder / "outbox") for summary in summaries]


@pytest.mark.slow
def test_a_night_on_which_nothing_changed_leaves_one_run_and_one_model_version(
    store: tuple[str, list[Published | None]],
) -> None:
    from mlflow import MlflowClient

    uri, (first, second, again) = store
    assert first == again and first is not None and second is not None
    client = MlflowClient(uri, uri)
    assert len(client.search_runs([first.experiment_id])) == 2
    versions = client.search_model_versions(f"name = '{REGISTERED}'")
    assert sorted(int(v.version) for v in versions) == [1, 2]
    history = client.get_metric_history(first.mlflow_run_id, "acc/majority")
    assert [m.step for m in history] == [1, 2, 4, 8, 16]


@pytest.mark.slow
def test_the_run_carries_links_in_both_directions(
    store: tuple[str, list[Published | None]],
) -> None:
    from mlflow import MlflowClient

    uri, (first, _, _) = store
    assert first is not None
    run = MlflowClient(uri, uri).get_run(first.mlflow_run_id)
    assert run.data.tags["ttc.run_id"] == "run-c"  # the latest night
    assert run.data.tags["ttc.prefect_run_id"] == "0f9c2a8e-5d1b-4a55-9a39-2f2b3b7f6c11"
    note = run.data.tags["mlflow.note.content"]
    assert note.startswith("- Plain model:") and "\n| bin |" in note
    assert run.info.status == "FINISHED"
    version = MlflowClient(uri, uri).get_model_version(REGISTERED, first.model_version)
    assert version.tags["run_id"] == "run-c" and version.tags["model_fingerprint"] == "a7f3e91"
    assert version.tags["code_commit"] == "4e1f2d3c5b6a79880a1b2c3d4e5f60718293a4b5"


@pytest.mark.slow
def test_two_model_versions_have_tables_with_the_same_keys(
    store: tuple[str, list[Published | None]],
) -> None:
    import mlflow
    from mlflow import MlflowClient

    uri, (first, second, _) = store
    assert first is not None and second is not None
    mlflow.set_tracking_uri(uri)  # load_table looks for runs there, whatever its client's address
    client = MlflowClient(uri, uri)
    tables = [
        client.load_table(first.experiment_id, "policy_cells.json", [p.mlflow_run_id])
        for p in (first, second)
    ]
    assert list(tables[0].columns) == ["cell", "policy"]
    assert tables[0]["cell"].tolist() == tables[1]["cell"].tolist()
    assert tables[0]["policy"].tolist() != tables[1]["policy"].tolist()


@pytest.mark.slow
def test_the_registered_policy_answers_with_the_strategy_of_the_next_lower_budget(
    store: tuple[str, list[Published | None]],
) -> None:
    import mlflow
    import pandas as pd

    uri, (first, _, _) = store
    assert first is not None
    mlflow.set_tracking_uri(uri)
    policy = mlflow.pyfunc.load_model(f"models:/{REGISTERED}/{first.model_version}")
    asked = pd.DataFrame({"bin": [1, 3, 3], "budget": [16, 11, 16]})
    assert list(policy.predict(asked)) == [
        "majority",
        "beam_search(m=4)/weighted",
        "beam_search(m=4)/weighted",
    ]
    with pytest.raises(ValueError, match=r"expected a bin of \[1, 2, 3, 4, 5\], got 9"):
        policy.predict(pd.DataFrame({"bin": [9], "budget": [16]}))
    with pytest.raises(ValueError, match="expected a budget of at least 1 in bin 2, got 0"):
        policy.predict(pd.DataFrame({"bin": [2], "budget": [0]}))


@pytest.mark.slow
def test_the_published_files_hold_no_pickle_and_the_whole_report(
    store: tuple[str, list[Published | None]],
) -> None:
    from mlflow import MlflowClient

    uri, (first, _, _) = store
    assert first is not None
    local = Path(MlflowClient(uri, uri).download_artifacts(first.mlflow_run_id, ""))
    names = {path.name for path in local.rglob("*")}
    assert not any(name.endswith(".pkl") for name in names)
    assert "</html>" in (local / "report.html").read_text(encoding="utf-8")
    accuracy = pl.read_parquet(local / "tables" / "accuracy.parquet")
    assert accuracy.filter(pl.col("bin").is_null())["questions"].unique().to_list() == [
        5 * QUESTIONS
    ]
    assert json.loads((local / "study.json").read_text(encoding="utf-8"))["name"] == "nightly"
