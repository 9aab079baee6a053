"""Names as people give them: in keys they stay apart, and MLflow takes them all."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from summaries import summary_of
from tracks import track_of

from tasks.publication.words import key_of
from tasks.tracking.entries import registered_name, shorten
from tasks.tracking.runs import mirror, publish

ODD = [
    "bob's",
    'a "b"',
    "qwen/7b",
    "meta/7b",
    "7b",
    "a-b",
    "a:b",
    "50 %",
    "🎲",
    "é",
    "-",
    "x" * 240,
    "x" * 241,
]
NAME = st.one_of(
    st.sampled_from(ODD),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=400),
    st.text("ab-.", min_size=1, max_size=4),
)
PREFECT = r"[^a-z0-9]+"
"""What keys of Prefect's artifacts are without."""
TWO = st.tuples(NAME, NAME)


@given(one=TWO, other=TWO)
def test_keys_of_different_names_are_different(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert (registered_name(*one) == registered_name(*other)) == (one == other)
    keys = [key_of(*names, refused=PREFECT, lower=True) for names in (one, other)]
    assert (keys[0] == keys[1]) == (one == other)


@given(
    names=st.sets(
        st.lists(st.text("ab-", min_size=1, max_size=3), min_size=2, max_size=2).map(tuple)
    )
)
def test_keys_of_short_names_are_different_whatever_stands_between_them(
    names: set[tuple[str, ...]],
) -> None:
    assert len({key_of(*two) for two in names}) == len(names)


@given(one=TWO)
def test_keys_are_what_registries_and_artifacts_take(one: tuple[str, str]) -> None:
    assert re.fullmatch(r"[\w.-]{1,250}", registered_name(*one))
    assert re.fullmatch(r"[a-z0-9-]{1,250}", key_of(*one, refused=PREFECT, lower=True))


@pytest.mark.parametrize(
    ("names", "key"),
    [
        (("congruences", "congruences-generator"), "congruences-congruences-generator"),
        (("gsm8k", "Qwen2.5-1.5B"), "gsm8k-Qwen2.5-1.5B"),
    ],
)
def test_plain_names_are_their_own_key(names: tuple[str, str], key: str) -> None:
    assert key_of(*names) == key


def test_a_name_that_ends_as_a_key_with_a_hash_is_told_apart_from_it() -> None:
    lossy = key_of("b", "qwen/7b")
    assert key_of("b", lossy.removeprefix("b-")) != lossy


@given(names=st.sets(NAME, min_size=2, max_size=2))
def test_names_that_are_too_long_for_mlflow_stay_apart(names: set[str]) -> None:
    one, other = (shorten(name) for name in names)
    assert one != other
    assert max(len(one), len(other)) <= 220


@pytest.mark.slow
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(benchmark=NAME, family=NAME, study=NAME, model=NAME)
def test_mlflow_takes_whatever_names_there_are(
    tmp_path_factory: pytest.TempPathFactory,
    benchmark: str,
    family: str,
    study: str,
    model: str,
) -> None:
    from mlflow import MlflowClient

    # One store for all: names must not meet in it.
    home = tmp_path_factory.getbasetemp() / "names"
    home.mkdir(exist_ok=True)
    uri = f"sqlite:///{home}/mlflow.db"
    summary = summary_of()
    named = {"benchmark": benchmark, "family": family, "study": study, "model": model}
    run = summary.run | named
    published = publish(summary._replace(run=run), uri=uri, outbox=Path(home / "outbox"))
    assert published is not None
    track = track_of(run, benchmark=benchmark, family=family, study=study)
    # Twice: the second time what the first has made must be found again.
    assert mirror(track, uri=uri) and mirror(track, uri=uri)
    client = MlflowClient(uri, uri)
    assert client.get_experiment(published.experiment_id).name == shorten(benchmark)
    assert set(client.get_registered_model(published.model_name).aliases) == {"champion"}
    runs = client.search_runs([published.experiment_id])
    trends = [
        one for one in runs if one.data.tags.get("ttc.trend") == key_of(family, study, joint="/")
    ]
    assert len(trends) == 1
