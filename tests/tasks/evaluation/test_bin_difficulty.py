"""The bins and cost axes of whole runs with a scripted engine."""

from pathlib import Path

import polars as pl
import pytest
from scripted_runs import run_all, small_study

from tasks.evaluation import bin_difficulty
from tasks.evaluation.bin_difficulty import BINNERS, DRAWS, Inputs
from tasks.runs import loading
from tasks.runs.outcomes import load_used_difficulty
from tasks.serving.probe import load_probe
from tasks.statistics.axes import AXES
from tasks.statistics.difficulty import DIFFICULTIES, Difficulty, bins
from warehouse.errors import UserError
from warehouse.store import Store


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with a run, another of its family and questions, and one without a verifier."""
    folder = tmp_path_factory.mktemp("binning") / "warehouse"
    run_all(folder, small_study(name="first"))
    run_all(folder, small_study(name="second", difficulty_draws=6, budgets=[1, 4]))
    run_all(
        folder,
        small_study(name="bare", verifier=None, strategies=["majority"], baseline="majority"),
    )
    return folder


def read(folder: Path, sql: str) -> pl.DataFrame:
    with Store.open(folder) as store:
        return store.read(sql)


def bins_of(folder: Path, study: str, difficulty: str) -> pl.DataFrame:
    sql = (
        "SELECT question_id, value, bin FROM bins JOIN runs USING (run_id) "
        f"WHERE study = '{study}' AND difficulty = '{difficulty}'"
    )
    return read(folder, sql).sort("question_id")


def test_every_difficulty_bins_every_question(folder: Path) -> None:
    sql = (
        "SELECT study, difficulty, count(*) FROM bins JOIN runs USING (run_id) "
        "GROUP BY ALL ORDER BY ALL"
    )
    expected = [
        (study, kind, 20)
        for study in ("bare", "first", "second")
        for kind in ("frozen", "oracle", "predicted", "probe")
    ]
    assert read(folder, sql).rows() == expected


def test_a_familys_first_run_is_its_own_reference(folder: Path) -> None:
    assert bins_of(folder, "first", "frozen").equals(bins_of(folder, "first", "oracle"))


def test_later_runs_keep_the_first_ones_bins_beside_their_own(folder: Path) -> None:
    assert bins_of(folder, "second", "frozen").equals(bins_of(folder, "first", "oracle"))
    assert not bins_of(folder, "second", "oracle").equals(bins_of(folder, "first", "oracle"))


def test_the_stored_probe_reads_draws_again(folder: Path) -> None:
    run_id = read(folder, "SELECT run_id FROM runs WHERE study = 'first'").item()
    with Store.open(folder) as store:
        probe = load_probe(store, run_id)
    assert probe.draws == 4
    assert len(probe.weights) == 5
    good, bad = (probe.value(["1"] * 4, [score] * 4) for score in (0.95, 0.15))
    assert probe.bin(good) < probe.bin(bad)


def test_a_run_without_a_probe_is_named(folder: Path) -> None:
    with (
        Store.open(folder) as store,
        pytest.raises(UserError, match="run nobody: expected a probe"),
    ):
        load_probe(store, "nobody")


def test_without_a_verifier_the_probe_reads_agreement_alone(folder: Path) -> None:
    sql = "SELECT len(weights) FROM probes JOIN runs USING (run_id) WHERE study = 'bare'"
    assert read(folder, sql).item() == 3


def test_without_a_verifier_agreement_predicts_difficulty(folder: Path) -> None:
    sql = """
    WITH drawn AS (
        SELECT question_id, canonical FROM question_draws JOIN runs USING (run_id)
        WHERE study = 'bare' AND role = 'difficulty'
    ), counted AS (
        SELECT question_id, canonical, count(*) AS votes FROM drawn GROUP BY ALL
    )
    SELECT question_id, bool_and(abs(value - agreement) < 1e-9) FROM bins JOIN runs USING (run_id)
    JOIN (
        SELECT question_id, max(votes) FILTER (canonical IS NOT NULL) / sum(votes) AS agreement
        FROM counted GROUP BY question_id
    ) USING (question_id)
    WHERE study = 'bare' AND difficulty = 'predicted' GROUP BY question_id
    """
    rows = read(folder, sql).rows()
    assert len(rows) == 20 and all(same for _, same in rows)


def test_what_the_probe_took_is_what_its_draws_took(folder: Path) -> None:
    sql = """
    SELECT bool_and(p.generated_tokens = d.tokens) FROM probings p JOIN runs USING (run_id)
    JOIN (
        SELECT question_id, sum(generated_tokens) AS tokens FROM draws
        WHERE role = 'difficulty' AND child < 4 GROUP BY question_id
    ) AS d USING (question_id)
    WHERE runs.study = 'first'
    """
    assert read(folder, sql).item() is True


def test_every_axis_whose_costs_are_known_is_fitted_for_every_difficulty(folder: Path) -> None:
    sql = (
        "SELECT DISTINCT axis, difficulty FROM cost_curves JOIN runs USING (run_id) "
        "WHERE study = 'first' ORDER BY ALL"
    )
    kinds = ("frozen", "oracle", "predicted", "probe")
    # A study without prices has no policy by money.
    known = sorted(set(AXES) - {"money"})
    assert read(folder, sql).rows() == [(axis, kind) for axis in known for kind in kinds]


def test_no_cell_costs_more_than_its_doubling_allows(folder: Path) -> None:
    sql = "SELECT count(*), count(*) FILTER (cost > at_most * (1 + 1e-6)) FROM cost_policies"
    cells, beyond = read(folder, sql).row(0)
    assert cells > 0
    assert beyond == 0


def test_a_probed_pool_strategy_costs_what_it_draws_beyond_the_probe(folder: Path) -> None:
    # From a budget of 4 the probe's draws are all its own; majority, which scores none, pays for
    # having them scored.
    sql = """
    SELECT
        cost_policies.bin, cost,
        avg(o.flops + 2 * m.parameters * if(o.verifier_tokens = 0, p.verifier_tokens, 0))
            AS expected
    FROM cost_policies JOIN runs USING (run_id)
    JOIN bins USING (run_id, difficulty, bin) JOIN probings AS p USING (run_id, question_id)
    JOIN outcomes AS o ON o.run_id = runs.run_id AND o.question_id = bins.question_id
        AND o.strategy = cost_policies.strategy AND o.budget = cost_policies.budget
    JOIN model_versions AS m ON m.model_fingerprint = runs.verifier_fingerprint
    WHERE difficulty = 'probe' AND axis = 'flops' AND o.budget >= 4
        AND o.strategy IN ('majority', 'best_of_n', 'weighted')
    GROUP BY runs.run_id, level, cost_policies.bin, cost
    """
    cells = read(folder, sql)
    assert len(cells)
    assert cells["cost"].to_list() == pytest.approx(cells["expected"].to_list())


def test_a_reference_that_lacks_a_question_gives_no_frozen_bins_and_says_so(
    folder: Path, tmp_path: Path
) -> None:
    with Store.open(folder) as store:
        run_id = store.read("SELECT run_id FROM runs WHERE study = 'second'").item()
        run = loading.load_run(store, run_id)
        own = store.read(
            "SELECT question_id, value, bin FROM bins WHERE difficulty = 'oracle' LIMIT 1"
        )
        first = store.read("SELECT run_id FROM runs WHERE study = 'first'").item()
    with Store.open(tmp_path) as part:  # a reference that has binned one question only
        with Store.open(folder) as store:
            for table in ("runs", "model_versions", "run_events"):
                part.append(table, store.read(f'FROM "{table}" WHERE true'))
        part.append("bins", own.with_columns(run_id=pl.lit(first), difficulty=pl.lit("oracle")))
        inputs = Inputs(part, run, pl.DataFrame(schema=DRAWS))
        assert bin_difficulty._as_first_run(inputs) is None
        why = part.read(
            "SELECT detail FROM run_events WHERE event = 'unfrozen' AND run_id = $run_id",
            run_id=run_id,
        )
        assert why.item() == f"no frozen bins: 19 questions are not in run {first}"


def test_every_kind_of_difficulty_is_declared_and_has_a_binner() -> None:
    assert set(BINNERS) == set(DIFFICULTIES)


def by_length(inputs: Inputs) -> pl.DataFrame:
    """A made-up kind: questions whose draws are short on average count as easy."""
    lengths = inputs.draws.group_by("question_id").agg(value=-pl.col("generated_tokens").mean())
    return bins(lengths.sort("question_id"))


def test_a_kind_that_is_declared_and_has_a_binner_has_bins_a_policy_and_a_curve(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    declared = Difficulty(needs_targets=False, serves=False, price="difficulty")
    monkeypatch.setitem(DIFFICULTIES, "length", declared)  # pyright: ignore[reportArgumentType]
    monkeypatch.setitem(BINNERS, "length", by_length)  # pyright: ignore[reportArgumentType]
    run_id = run_all(tmp_path, small_study())
    with Store.open(tmp_path) as store:
        counts = {
            table: store.read(
                f"SELECT count(*) FROM {table} WHERE run_id = $run_id AND difficulty = 'length'",
                run_id=run_id,
            ).item()
            for table in ("bins", "policies", "curves", "efficiencies")
        }
        used = load_used_difficulty(store, run_id)
    # 20 questions, 5 bins, 4 budgets.
    assert counts == {"bins": 20, "policies": 20, "curves": 4, "efficiencies": 4}
    assert used == "probe"
