"""A strategy in a file outside of the repository: it runs, replays, resumes and is refused."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from own_files import EVERY_KIND, one_function
from scripted_runs import ScriptedEngines, run_all

from tasks.evaluation import generate, measure
from tasks.publication.summary import load_summary
from tasks.runs.loading import load_run
from tasks.runs.opening import complete_run, open_run
from tasks.runs.text_refusals import check_text_study
from tasks.serving.policy import load_policy
from tasks.strategies.own.reading import digest_of
from tasks.study.reading import load_study
from tasks.study.study import Study, study_from
from tasks.tracking.entries import publication_of
from warehouse.errors import UserError
from warehouse.store import Store

OWN = ["settled(agree=2)", "good_enough", "greedy", "half", "chains"]
MODEL = "bundled/congruences-generator"


def write_study(folder: Path, strategies: list[str], source: str = EVERY_KIND) -> Study:
    """The study of a file in the folder, with its strategies in a folder beside it."""
    (folder / "lab").mkdir(parents=True, exist_ok=True)
    (folder / "lab" / "mine.py").write_text(source, encoding="utf-8")
    names = ['"majority"', *(f'"lab/mine.py:{one}"' for one in strategies)]
    (folder / "own.toml").write_text(
        f"questions = 12\nbudgets = [2, 4, 8]\ndifficulty_draws = 4\nbaseline = 'majority'\n"
        f"strategies = [{', '.join(names)}]\n[verifier]\n[revisions]\n",
        encoding="utf-8",
    )
    return load_study(folder / "own.toml")


class Kept(ScriptedEngines):
    """Keeps the engines of the last run."""

    last: Kept

    def __init__(self, run, seconds=0.0):
        super().__init__(run, seconds)
        Kept.last = self


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Study, str]:
    folder = tmp_path_factory.mktemp("own")
    study = write_study(folder, OWN)
    return folder, study, run_all(folder / "w", study)


def read(folder: Path, sql: str):
    with Store.open(folder / "w") as store:
        return store.read(sql)


def test_every_kind_has_outcomes_within_its_budget(home) -> None:
    folder, study, _ = home
    rows = read(folder, "SELECT strategy, budget, count(*) AS n FROM run_outcomes GROUP BY ALL")
    assert {(key, budget) for key, budget, _ in rows.iter_rows()} == set(study.cells())
    assert rows["n"].unique().to_list() == [12]
    over = read(folder, "SELECT * FROM outcomes WHERE generations > budget OR generations < 1")
    assert not len(over)
    less = read(folder, "SELECT DISTINCT strategy FROM outcomes WHERE generations < budget")
    names = {key.partition(":")[2].partition("(")[0] for key in less["strategy"]}
    # Chains take all of it; so does greedy, but for a width above the budget.
    assert (
        {"settled", "good_enough", "half"} <= names <= {"settled", "good_enough", "half", "greedy"}
    )


def test_the_run_keeps_the_text_and_needs_the_file_no_more(home) -> None:
    folder, study, run_id = home
    (folder / "lab" / "mine.py").unlink()
    with Store.open(folder / "w") as store:
        run = load_run(store, run_id)
        assert run.study.strategy_files == {f"mine.py@{digest_of(EVERY_KIND)}": EVERY_KIND}
        _, policy = load_policy(store, run)
        assert complete_run(store, study, MODEL) == run_id
    cells = [cell for row in policy.cells.values() for cell in row]
    assert all(cell.strategy.key in {key for key, _ in study.cells()} for cell in cells)


def test_what_is_published_has_names_that_mlflow_takes(home) -> None:
    folder, _, run_id = home
    with Store.open(folder / "w") as store:
        published = publication_of(load_summary(store, run_id))
    names = [*published.parameters, *(one.key for one in published.metrics)]
    assert all(re.fullmatch(r"[\w\-. :/]{1,250}", name) for name in names)
    assert f"mine.py@{digest_of(EVERY_KIND)}" in published.parameters["study.strategies"]
    # The file itself lies beside them.
    assert "Until the last answers agree." in published.files["study.json"]


def test_the_same_study_again_draws_nothing(home) -> None:
    folder, study, run_id = home
    again = run_all(folder / "w", study, engines=Kept)
    assert again != run_id
    assert Kept.last.writer.requests == Kept.last.judge.requests == 0
    figures = "strategy, budget, question_id, accuracy, generations, generated_tokens, flops"
    differing = f"SELECT {figures} FROM outcomes GROUP BY ALL HAVING count(*) <> 2"
    assert not len(read(folder, differing))


def test_another_version_of_the_file_is_another_arm_on_the_same_draws(tmp_path: Path) -> None:
    first = write_study(tmp_path, ["settled"])
    run_id = run_all(tmp_path / "w", first)
    changed = EVERY_KIND.replace("agree=3", "agree=2")
    second = write_study(tmp_path, ["settled"], changed)
    assert first.digest() != second.digest()
    assert run_all(tmp_path / "w", second, engines=Kept) != run_id
    assert Kept.last.writer.requests == 0
    arms = read(tmp_path, "SELECT DISTINCT strategy FROM outcomes WHERE strategy LIKE '%settled%'")
    assert sorted(arms["strategy"]) == sorted(
        f"mine.py@{digest_of(source)}:settled(agree={agree})"
        for source, agree in ((EVERY_KIND, 3), (changed, 2))
    )


def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    study = write_study(tmp_path, OWN)
    with Store.open(tmp_path / "w") as store:
        run_id = open_run(store, study, MODEL)

    class Breaking(ScriptedEngines):
        def _law(self, prefix, rng):
            if self.writer.requests > 60:
                raise ConnectionError("gone")
            return super()._law(prefix, rng)

    with pytest.raises(ConnectionError):
        generate.run(tmp_path / "w", run_id, engines=Breaking)
    with Store.open(tmp_path / "w") as store:
        # Read anew from the file, as the command line does.
        assert open_run(store, load_study(tmp_path / "own.toml"), MODEL) == run_id
    generate.run(tmp_path / "w", run_id, engines=Kept)
    assert measure.run(tmp_path / "w", run_id) == 12 * (len(study.cells()) + 3)
    repeated = "SELECT prefix_key, sampling_key, replicate, child FROM draws GROUP BY ALL"
    assert not len(read(tmp_path, f"{repeated} HAVING count(*) > 1"))


GREEDY_FOR_MORE = one_function("return await tools.completions(3)", "@search")
CRASHING = one_function("return (await tools.completions(1))[1:][0]", "@search")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            GREEDY_FOR_MORE,
            r"mine.py:5: f asked for 3 generations and was stopped there \(question "
            r"congruences-test-\d+, budget 2; on 12 of 12 questions\); ask for at most "
            r"tools.budget",
        ),
        (
            CRASHING,
            r"mine.py:5: f failed with IndexError: list index out of range \(question "
            r"congruences-test-\d+, budget 2; on 12 of 12 questions\); mend the file and run again",
        ),
    ],
)
def test_what_overspends_or_fails_is_refused_and_the_rest_is_drawn(
    tmp_path: Path, source: str, said: str
) -> None:
    study = write_study(tmp_path, ["f"], source)
    with pytest.raises(UserError, match=f"^{said}$"):
        run_all(tmp_path / "w", study)
    assert not len(read(tmp_path, "SELECT * FROM outcomes"))
    # Mended, it finds the draws of all others there.
    mended = write_study(tmp_path, ["f"], one_function("return await tools.completions(2)"))
    run_all(tmp_path / "w", mended, engines=Kept)
    assert Kept.last.writer.requests == 0


def test_a_pool_that_fails_is_refused_when_it_is_measured(tmp_path: Path) -> None:
    source = one_function("return await tools.completions(5)", "@pool")
    said = "mine.py:5: f asked for 5 generations and was stopped there (budget 2; on 12 of 12"
    with pytest.raises(UserError, match=re.escape(said)):
        run_all(tmp_path / "w", write_study(tmp_path, ["f"], source))


def test_a_study_needs_what_its_strategies_declare(tmp_path: Path) -> None:
    study = write_study(tmp_path, ["greedy", "chains"])
    values = {
        "name": "own",
        "strategies": list(study.strategies),
        "strategy_files": study.strategy_files,
        "baseline": "majority",
    }
    with pytest.raises(UserError, match=r"greedy\(width=4\)/weighted needs a verifier, got none"):
        study_from({**values, "verifier": None})
    with pytest.raises(UserError, match=r"chains\(length=2\) needs a \[revisions\] table"):
        study_from(values)


def test_a_baseline_of_a_file_is_named_as_the_strategy_is(tmp_path: Path) -> None:
    write_study(tmp_path, ["settled"])
    path = tmp_path / "own.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("'majority'", "'lab/mine.py:settled'"), encoding="utf-8")
    study = load_study(path)
    assert study.baseline == f"mine.py@{digest_of(EVERY_KIND)}:settled(agree=3)"
    assert study.baseline in [key for key, _ in study.cells()]


def test_a_file_that_is_not_there_is_refused_with_those_that_are_shipped(tmp_path: Path) -> None:
    write_study(tmp_path, ["settled"])
    (tmp_path / "lab" / "mine.py").unlink()
    with pytest.raises(UserError, match=r"expected a Python file at .*/lab/mine.py, or one of"):
        load_study(tmp_path / "own.toml")


def test_a_pool_of_a_file_may_name_a_temperature(tmp_path: Path) -> None:
    study = write_study(tmp_path, ["settled", "settled@T=0.5"])
    run_all(tmp_path / "w", study, engines=Kept)
    drawn = read(tmp_path, "SELECT DISTINCT sampling_key FROM draws")
    assert {"T=0.5", "T=1"} == {key.partition(",")[0] for key in drawn["sampling_key"]}
    assert study.cells()[-1][0].endswith(":settled(agree=3)@T=0.5")


def test_behind_an_endpoint_no_strategy_of_a_file_goes_by_steps(tmp_path: Path) -> None:
    def asked(name: str) -> Study:
        study = write_study(tmp_path, [name])
        generator = dataclasses.replace(study.generator, format="chat-math")
        verifier = None if name == "half" else study.verifier
        return dataclasses.replace(study, generator=generator, verifier=verifier, revisions=None)

    check_text_study(asked("half"), "my-model")
    with pytest.raises(UserError, match=r"expected strategies of whole completions .* got mine.py"):
        check_text_study(asked("greedy"), "my-model")


def test_a_pool_of_a_file_may_ask_how_sure_the_model_was(tmp_path: Path) -> None:
    source = one_function(
        "drawn = await tools.completions(tools.budget)\n"
        "sure = await tools.confidences(drawn)\n"
        "return [max(drawn, key=lambda one: sure[one.place].lowest)]",
        "@pool(confidences=True)",
    )
    run_all(tmp_path / "w", write_study(tmp_path, ["f"], source))
    told = read(tmp_path, "SELECT count(*) FROM draws WHERE lowest_confidence IS NOT NULL").item()
    assert told > 0
    # Draws of a study that did not ask lack them: such an arm is drawn anew or dropped.
    other = tmp_path / "other"
    run_all(other / "w", write_study(other, ["half"]))
    with pytest.raises(UserError, match=r"expected the confidence of every draw for mine.py@"):
        run_all(other / "w", write_study(other, ["f"], source))
