"""Brings hostile texts to all who show texts: as completions, questions, and names of everything.

    PYTHONPATH=. python infra/bench/campaign/hostile_texts.py [--n 160] [--seed 0]

Texts are put together by chance: control sequences, markup, formulas, lone surrogates, texts that
run from right to left, NUL, deep brackets, words of prompts, and a lot of one. Names of models,
benchmarks, studies and questions have quotes, slashes, pictures and 240 characters too. They come
in as samples of a log and go out through `ttc sql`, its CSV for spreadsheets, `ttc policy`, `ttc
status`, what a run prints, the study's own file, the report, MLflow's first screen and the keys of
Prefect. Nothing that steers a terminal, no tag, no formula gets through, nothing hangs, and every
name is there unchanged.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import importlib
import io
import json
import os
import random
import re
import shutil
import sys
import traceback
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import homes
from trials import Campaign, ask, conduct

from flows.cli import policy as policy_verbs
from flows.cli import query as query_verbs
from flows.cli.evaluate import status
from flows.cli.evaluated import show_runs
from flows.cli.terminal import console
from flows.servers import quiet
from tasks.evaluation import fit_policy, generate, measure
from tasks.importing.imports import prepare_import, write_import
from tasks.importing.wishes import Wishes
from tasks.publication.report import html
from tasks.publication.summary import load_summary
from tasks.samples.reading import read_logs
from tasks.study.reading import load_study
from tasks.study.study import Study
from tasks.tracking.first_screen import first_screen
from warehouse.errors import UserError, say
from warehouse.snapshot import Snapshot
from warehouse.store import Store

PIECES = (
    "\x1b]52;c;aGk=\x07", "\x1b[2J", "\x9b31m", "\x07", "\r", "\x00", "\x7f", "\x08" * 4,
    "[/INST]", "[bold red]", "[link=http://evil]", ":smile:", "[a, b]",
    "=cmd|'/c calc'!A1", "+1+1", "-2", "@SUM(A1)", "\t=1", "＝1",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&lt;b&gt;", "</td></table>",
    "\u202e\u2066abc", "\u200f", "مرحبا", "\ud800", "\udfff", "\ufeff", "\U0001f600",
    "<|im_start|>system", "<|endoftext|>", "</s>", "<think>", "{{ 7*7 }}", "${HOME}", "%s%n",
    "'; DROP TABLE draws; --", "\\frac{" * 30, "(" * 300, "[" * 300, "\\left(" * 50,
    "Answer: 3", "\\boxed{3}", "\n\n", "a" * 20_000,
)  # fmt: skip
NAMES = (
    "bob's", 'a "b"', "qwen/7b", "../..", "a:b", "50 %", "🎲", "é", "-", " ", "x" * 240, "y" * 241,
)  # fmt: skip
QUESTIONS, DRAWS = 10, 8
KEY = re.compile(r"[a-z0-9-]{1,255}")
"""What Prefect takes as an artifact's key."""
ALL = """
SELECT question_id, question, text, model, study, runs.benchmark, strategy
FROM draws, questions, runs, (SELECT DISTINCT strategy FROM outcomes) LIMIT 200
"""
STEERING = {*range(10), *range(11, 32), *range(0x7F, 0xA0), 0x200E, 0x200F}
STEERING |= {*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000)}
"""Characters that no terminal should be given, the line's end apart."""
FORMULAS = tuple("=+-@\t\r＝＋－＠")


class Tags(HTMLParser):
    """What a page has of tags that run something."""

    def __init__(self) -> None:
        super().__init__()
        self.running: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a tag that runs something, or an attribute that does."""
        bad = [name for name, _ in attrs if name.startswith("on")]
        if bad or tag in ("script", "iframe", "object", "embed"):
            self.running.append(tag)


def text(rng: random.Random) -> str:
    """Some pieces, one after the other."""
    return "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 5)))


def name(rng: random.Random) -> str:
    """A text that is a name: shorter, and odd in other ways."""
    parts = [rng.choice(NAMES) if rng.random() < 0.5 else text(rng)[:60] for _ in range(2)]
    return "".join(parts)


def write_log(path: Path, rng: random.Random) -> None:
    """A log in our own layout, in which every text is hostile; JSON knows lone surrogates."""
    model, task = name(rng), name(rng)
    if rng.random() < 0.7:
        # Others are refused as names of benchmarks.
        task = "".join(filter(str.isprintable, task))[:240].strip() or "t"
    asked = [f"{number}: {text(rng)}" for number in range(QUESTIONS)]
    ids = [f"{name(rng)}{number}" for number in range(QUESTIONS)]
    rows = [
        {
            "question_id": ids[number],
            "question": question,
            "target": str(number),
            "draw": draw,
            "text": f"{text(rng)}\nAnswer: {rng.randrange(QUESTIONS)} {text(rng)}",
            "stop": "end",
            "tokens": 9,
            "model": model,
            "task": task,
            "temperature": 0.8,
        }
        for number, question in enumerate(asked)
        for draw in range(DRAWS)
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")


def printed(verb: Callable[[], object]) -> str:
    """What a verb prints, a refusal as the command line prints it."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            verb()
        except UserError as error:
            say(str(error))
    return out.getvalue()


def evaluate(home: Path, log: Path) -> tuple[str, Study, Path]:
    """The run of a log, its study, and the file in which that is written."""
    folder = home / "warehouse"
    (read,) = read_logs([log])
    imported = prepare_import(read, home, Wishes(marker=("Answer: ",), answer="math"))
    with Store.open(folder) as store:
        run_id = write_import(store, imported).run_id
    generate.run(folder, run_id)
    measure.run(folder, run_id)
    fit_policy.run(folder, run_id)
    return run_id, imported.study, imported.study_file


def show_all(home: Path, log: Path) -> tuple[bool, list[tuple[str, str]]]:
    """Whether the log was refused; kinds of faults and sentences, of all that shows its run."""
    os.environ["TTC_HOME"] = str(home)
    try:
        run_id, study, file = evaluate(home, log)
    except UserError as error:
        return True, terminal("refusal", printed(functools.partial(say, str(error))))
    except Exception:
        return False, [("tracebacks", traceback.format_exc())]
    try:
        found = same_names(study, load_study(file), Snapshot(home / "warehouse"))
    except Exception:
        found = [("tracebacks", traceback.format_exc())]
    return False, found + screens(home, run_id, study)


def screens(home: Path, run_id: str, study: Study) -> list[tuple[str, str]]:
    """Kinds of faults and sentences, of all that shows a state folder's one run."""
    reader = Snapshot(home / "warehouse")
    steps: dict[str, Callable[[], list[tuple[str, str]]]] = {
        "sql": lambda: terminal("sql", printed(lambda: query_verbs.sql(ALL))),
        "policy": lambda: terminal("policy", printed(policy_verbs.policy)),
        "status": lambda: terminal("status", printed(status)),
        "end": lambda: terminal("end", printed(lambda: show_runs(reader, [run_id], console()))),
        "keys": lambda: keys(study),
        "csv": lambda: cells(printed(lambda: query_verbs.sql(ALL, excel_safe=True))),
        "report": lambda: page(html(load_summary(reader, run_id))),
        "first": lambda: page(first_screen(load_summary(reader, run_id)).with_links({})),
    }
    faults: list[tuple[str, str]] = []
    for name, step in steps.items():
        try:
            faults += step()
        except Exception:
            faults.append(("tracebacks", f"{name}: {traceback.format_exc()}"))
    return faults


def terminal(name: str, said: str) -> list[tuple[str, str]]:
    """A fault where something that steers a terminal is in what was printed."""
    steering = sorted({hex(ord(one)) for one in said if ord(one) in STEERING})
    return [("wrong", f"{name} prints {steering}")] if steering else []


def same_names(study: Study, read: Study, reader: Snapshot) -> list[tuple[str, str]]:
    """A fault where the study's file or the warehouse has other names; the file names no study."""
    stored = reader.read("SELECT study, benchmark FROM runs").row(0)
    names = (study.name, study.benchmark_name)
    same = names == stored and read.benchmark_name == study.benchmark_name
    said = f"{names}, {read.benchmark_name} in the file, {stored} stored"
    return [] if same else [("wrong", said)]


def keys(study: Study) -> list[tuple[str, str]]:
    """A fault where Prefect would refuse a key that is made of the names."""
    # Imported by then, as the parent has it.
    from flows.nightly import artifact_key

    key = artifact_key(study.name, str(study.benchmark_name))
    return [] if KEY.fullmatch(key) else [("wrong", f"key {key}")]


def cells(said: str) -> list[tuple[str, str]]:
    """A fault where a cell of the CSV begins as a formula does."""
    rows = csv.reader(io.StringIO(said, newline=""))
    bad = [cell[:40] for row in rows for cell in row if cell.startswith(FORMULAS)]
    return [("wrong", f"cells {bad[:3]}")] if bad else []


def page(said: str) -> list[tuple[str, str]]:
    """A fault where a tag of a text is a tag of the page."""
    tags = Tags()
    tags.feed(said)
    return [("wrong", f"tags {tags.running[:5]}")] if tags.running else []


def import_prefect() -> None:
    """In this process, for its forks; it keeps something in a folder when it is imported."""
    with quiet.prefect():
        importlib.import_module("flows.nightly")


def bring(campaign: Campaign) -> None:
    """A log a trial; its texts are what is counted as tried."""
    homes.warm(campaign.folder)
    import_prefect()
    csv.field_size_limit(sys.maxsize)
    for _ in campaign.tries():
        home, log = campaign.folder / "home", campaign.folder / "log.jsonl"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        write_log(log, campaign.rng)
        work = functools.partial(show_all, home, log)
        try:
            refused, found = ask(work, campaign.folder)
            campaign.counts["logs refused" if refused else "logs shown"] += 1
        except RuntimeError as error:
            kind = "hung" if "exit None" in str(error) else "tracebacks"
            found = [(kind, str(error))]
        for kind, sentence in found:
            campaign.fault(kind, sentence)
        campaign.counts["tried"] += QUESTIONS + QUESTIONS * DRAWS + 1


def main(argv: list[str] | None = None) -> int:
    """Exit code: 1 when a text got through, or something hung or failed over it."""
    return conduct(argv, __doc__, bring, n=160)


if __name__ == "__main__":
    sys.exit(main())
