"""The command line on a warehouse that a scripted run filled."""

import json
import re
import shlex
import sys

import polars as pl
import pytest
from scripted_runs import run_all, small_study

from flows.cli import main as cli
from tasks.publication.summary import load_summary
from tasks.settings import ROOT
from tasks.study.reading import load_study
from warehouse import snapshot
from warehouse.journal import Journal
from warehouse.store import Store


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    run_all(home / "warehouse", small_study())
    return home


@pytest.fixture
def ttc(home, monkeypatch, capsys):
    """Runs a command; gives exit code, stdout and stderr."""
    monkeypatch.setenv("TTC_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "100")

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["ttc", *words])
        code = cli.exit_code()
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_sql_prints_a_table(ttc):
    code, out, _ = ttc("sql", "SELECT count(*) AS outcomes FROM outcomes")
    assert code == 0 and "outcomes" in out and out.split()[-1].isdigit()


def test_sql_prints_what_is_too_wide_for_the_screen_one_below_the_other(ttc):
    _, out, _ = ttc("sql", "SELECT * FROM run_history")
    assert out.splitlines()[0] == "row 1" and re.search(
        r"^benchmark +congruences *$", out, re.MULTILINE
    )
    assert max(map(len, out.splitlines())) <= 100


def test_sql_prints_csv_and_json(ttc):
    assert ttc("sql", "SELECT 1 AS a, 'x' AS b", "--csv")[1] == "a,b\n1,x\n"
    assert json.loads(ttc("sql", "SELECT 1 AS a", "--json")[1]) == [{"a": 1}]


def test_sql_writes_parquet(ttc, tmp_path):
    ttc("sql", "SELECT 1 AS a", "--parquet", str(tmp_path / "a.parquet"))
    assert pl.read_parquet(tmp_path / "a.parquet").to_dicts() == [{"a": 1}]


def test_wrong_sql_is_one_sentence_and_exit_code_2(ttc):
    code, _, err = ttc("sql", "SELECT * FROM nowhere")
    assert code == 2 and "nowhere" in err and "Traceback" not in err


def test_a_query_may_take_as_long_as_is_said(ttc):
    endless = "SELECT count(*) FROM range(10000000) a, range(10000000) b"
    code, _, err = ttc("sql", endless, "--seconds", "0.3")
    assert code == 2 and "took longer than 0.3 s" in err and "--seconds" in err
    assert ttc("sql", "SELECT 1 AS a", "--csv", "--seconds", "86400")[1] == "a\n1\n"


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "86401"])
def test_seconds_that_are_none_are_refused(ttc, seconds):
    code, _, err = ttc("sql", "SELECT 1", "--seconds", seconds)
    assert code == 2 and "--seconds: expected more than 0" in err and "Traceback" not in err


def test_sql_cannot_write(ttc):
    assert ttc("sql", "DELETE FROM outcomes")[0] == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "nowhere"], "expected a TOML file or one of api"),
        (["plan", "demo", "--max-budget", "0"], "expected --max-budget from 1 to 65,536, got 0"),
    ],
)
def test_a_users_mistake_is_exit_code_2_without_traceback(ttc, words, said):
    import re

    code, _, err = ttc(*words)
    assert code == 2 and re.search(said, err) and "Traceback" not in err


def test_the_policy_fits_100_columns(ttc):
    code, out, _ = ttc("policy")
    assert code == 0 and "N = 8" in out
    assert max(map(len, out.splitlines())) <= 100


def test_the_policy_as_json_names_every_cell(ttc):
    latest = json.loads(ttc("policy", "--json")[1])["latest"]
    assert len(latest) == 5 * 4  # bins × budgets, under the one difficulty that is used
    assert {cell["difficulty"] for cell in latest} == {"probe"}


def test_a_summary_opens_the_snapshot_once(home, monkeypatch):
    opened, plain = [], snapshot.open_snapshot
    monkeypatch.setattr(snapshot, "open_snapshot", lambda f: opened.append(f) or plain(f))
    reader = snapshot.Snapshot(home / "warehouse")
    run_id = reader.read("SELECT run_id FROM runs LIMIT 1").item()
    opened.clear()
    assert load_summary(reader, run_id).run["run_id"] == run_id and len(opened) == 1


def test_status_lists_the_run(ttc):
    (run,) = json.loads(ttc("status", "--json")[1])
    assert run["state"] == "complete" and run["tokens"] > 0 and run["missing"] == 0


def test_a_plan_counts_what_is_there(ttc, tmp_path):
    study = tmp_path / "more.toml"
    study.write_text("questions = 20\nbudgets = [1, 2, 4, 8]\ndifficulty_draws = 8\n[verifier]\n")
    (there,) = json.loads(ttc("plan", str(study), "--json")[1])
    (more,) = json.loads(ttc("plan", str(study), "--max-budget", "16", "--json")[1])
    assert there["questions"] == 20 and there["there"] > 0
    assert there["tokens"] < more["tokens"]
    assert (there["seen"], there["tokens"], there["seconds"], there["disk"]) == (20, 0, 0, 0)
    assert more["seconds"] > 0 and more["memory"] > 1e9 and more["disk"] > 0


def test_a_plan_tells_minutes_memory_and_disk_on_a_line(ttc, tmp_path):
    study = tmp_path / "more.toml"
    study.write_text("questions = 20\nbudgets = [1, 2, 4, 8, 16]\n[verifier]\n")
    lines = ttc("plan", str(study))[1].splitlines()
    heads = ("model", "questions", "seen", "draws", "there", "tokens", "minutes")
    assert lines[1].split() == [*heads, "memory", "GB", "disk", "MB"]
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("", "answers: number, because the targets of all 12 questions are plain numbers"),
        ('answer = "text"\n', "answers: text, because the study says so (grader 1+words)"),
    ],
)
def test_a_plan_tells_the_kind_of_answer_and_why(ttc, tmp_path, said, words):
    rows = [{"question": f"What is {n}?", "answer": n} for n in range(12)]
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, rows)))
    study = tmp_path / "kinds.toml"
    study.write_text(
        f'{said}benchmark = "b.jsonl"\nstrategies = ["majority"]\nbaseline = "majority"'
    )
    assert words in " ".join(ttc("plan", str(study))[1].split())
    (row,) = json.loads(ttc("plan", str(study), "--json")[1])
    assert words.startswith(f"answers: {row['answer']}, because {row['because']}")


def test_an_unknown_kind_of_answer_is_refused_with_those_there_are(ttc, tmp_path):
    study = tmp_path / "kinds.toml"
    study.write_text('answer = "essay"\n[verifier]\n')
    code, _, err = ttc("plan", str(study))
    assert code == 2
    assert "unknown kind of answer 'essay' (the study says so); known are choice, code" in err


def test_rebuild_makes_the_same_database(ttc, home):
    def content():
        with Store.open(home / "warehouse") as store:
            return store.read("SELECT * FROM outcomes ORDER BY ALL")

    before = content()
    assert ttc("warehouse", "rebuild")[0] == 0
    assert content().equals(before)


def test_a_busy_warehouse_is_exit_code_75(ttc, home):
    with Store.open(home / "warehouse"):
        code, _, err = ttc("warehouse", "rebuild")
    assert code == 75 and err


def test_load_shows_what_another_machine_has_written(ttc, home):
    journal = Journal.of(home / "warehouse")
    journal.append(
        "samplings",
        pl.DataFrame(
            {
                "sampling_key": ["theirs"],
                "temperature": [1.0],
                "top_p": [1.0],
                "top_k": [0],
                "max_tokens": [1],
                "until": ["end"],
            }
        ),
    )
    theirs = "SELECT count(*) AS n FROM samplings WHERE sampling_key = 'theirs'"
    assert json.loads(ttc("sql", theirs, "--json")[1]) == [{"n": 0}]
    code, out, _ = ttc("warehouse", "load")
    assert code == 0 and "can be read" in out
    assert json.loads(ttc("sql", theirs, "--json")[1]) == [{"n": 1}]


def test_export_writes_every_table_to_parquet_once(ttc, tmp_path):
    code, out, _ = ttc("warehouse", "export", str(tmp_path / "tables"))
    assert code == 0 and "draws.parquet" in out
    assert pl.read_parquet(tmp_path / "tables" / "draws.parquet").height > 0
    code, _, err = ttc("warehouse", "export", str(tmp_path / "tables"))
    assert code == 2 and "Expected a new or an empty folder" in err


def test_prune_shows_what_would_go_and_removes_it_only_when_told(ttc, home):
    def draws():
        with Store.open(home / "warehouse") as store:
            return store.read("SELECT count(*) FROM draws").item()

    before = draws()
    code, out, _ = ttc("warehouse", "prune", "--older-than", "1")
    assert code == 0 and "add --yes" in out
    # All runs of this warehouse are of today.
    code, out, _ = ttc("warehouse", "prune", "--older-than", "1", "--yes")
    assert code == 0 and "removed" in out
    assert draws() == before > 0
    assert ttc("warehouse", "prune", "--older-than", "0")[0] == 2


README = (ROOT / "README.md").read_text()
GUIDE = (ROOT / "infra" / "GUIDE.md").read_text()
COMMANDS = sorted(set(re.findall(r"\./infra/ttc ([^`\n#]*[^`\n# ])", README + GUIDE)))
READING = [shlex.split(c) for c in COMMANDS if c.split()[0] in ("policy", "sql", "status")]


def test_every_command_of_the_readme_exists():
    known = {name for name in cli.app if not name.startswith("-")}
    assert {c.split()[0] for c in COMMANDS} - {"test"} <= known  # `test` is the launcher's own


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_the_readmes_reading_commands_answer(ttc, words):
    code, out, err = ttc(*words)
    assert (code, err) == (0, "") and out


def block_of(text, beginning):
    """The one block of TOML in a document that begins so."""
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (block,) = [block for block in blocks if block.startswith(beginning)]
    return block


@pytest.mark.parametrize("text", [README, GUIDE], ids=["README", "guide"])
def test_the_study_of_the_documents_is_valid(tmp_path, text):
    (tmp_path / "my.toml").write_text(block_of(text, "benchmark ="))
    assert load_study(tmp_path / "my.toml").benchmark == "my_questions.csv"


def test_the_guides_several_benchmarks_are_valid(tmp_path):
    _, rest = block_of(GUIDE, "benchmark =").split("\n", 1)
    (tmp_path / "my.toml").write_text(f"{rest}\n{block_of(GUIDE, '[[benchmarks]]')}")
    studies = [study for study, _ in load_study(tmp_path / "my.toml").pairs()]
    assert [(one.benchmark_name, one.questions) for one in studies] == [(None, 200), ("exam", None)]
