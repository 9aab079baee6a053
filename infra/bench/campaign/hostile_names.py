"""Gives hostile names to studies, model folders, strategy files and their folders.

    PYTHONPATH=. python infra/bench/campaign/hostile_names.py [--n 20] [--seed 0]

A trial is a scripted run of a study whose own name, file, model and strategy are named by chance:
quotes, slashes, markup, control sequences, pictures, 240 characters. Everything that shows names
shows them, as `hostile_texts.py` asks, or the study is refused in a sentence; nothing steers a
terminal, no tag gets through, and the warehouse has the names as they were given.
"""

from __future__ import annotations

import functools
import json
import os
import random
import shutil
import sys
import traceback
from pathlib import Path

import homes
from hostile_texts import import_prefect, name, printed, screens, terminal
from trials import Campaign, ask, conduct

# isort: split
from own_files import EVERY_KIND
from scripted_runs import run_all

from tasks.models.version import BUNDLED
from tasks.study.reading import load_study
from warehouse.errors import UserError, say
from warehouse.snapshot import Snapshot

STUDY = """{named}
questions = 10
budgets = [1, 2]
strategies = ["majority", {strategy}]
baseline = "majority"
difficulty_draws = 4
[generator]
models = [{model}]
format = "congruences"
"""
LONGEST = 240
"""Bytes of a file's name; file systems take 255."""


def file_name(rng: random.Random, without: str = "/\0") -> str:
    """A hostile name that a file system takes, and TOML."""
    plain = "".join(one for one in name(rng) if one not in without and ord(one) != 0x7F)
    written = plain.encode(errors="ignore")[:LONGEST].decode(errors="ignore")
    return written if written.strip(".") else "x"


def write_study(folder: Path, rng: random.Random) -> Path:
    """A study's file, with its model and its strategy beside it."""
    model = folder / file_name(rng)
    model.symlink_to(BUNDLED / "congruences-generator")
    # Of a strategy's name the parentheses are options, and the colon ends its file's.
    file = folder / f"{file_name(rng, '/()@: ' + chr(0))}.py"
    file.write_text(EVERY_KIND)
    own = name(rng).encode(errors="ignore").decode().replace("\x7f", "")
    named = f"name = {json.dumps(own, ensure_ascii=False)}" if rng.random() < 0.5 else ""
    values = {"named": named, "model": str(model), "strategy": f"{file.name}:half"}
    texts = {key: json.dumps(one, ensure_ascii=False) for key, one in values.items()}
    study = folder / f"{file_name(rng)}.toml"
    study.write_text(STUDY.format(**texts | {"named": named}), encoding="utf-8")
    return study


def show_all(home: Path, path: Path) -> tuple[bool, list[tuple[str, str]]]:
    """Whether the study was refused; kinds of faults and sentences, of all that shows its run."""
    os.environ["TTC_HOME"] = str(home)
    try:
        study = load_study(path)
        run_id = run_all(home / "warehouse", study)
    except UserError as error:
        return True, terminal("refusal", printed(functools.partial(say, str(error))))
    except Exception:
        return False, [("tracebacks", traceback.format_exc())]
    given = (study.name, study.generator.models[0])
    stored = Snapshot(home / "warehouse").read("SELECT study, model FROM runs").row(0)
    wrong = [] if given == stored else [("wrong", f"{given} is stored as {stored}")]
    return False, wrong + screens(home, run_id, study)


def give(campaign: Campaign) -> None:
    """A study a trial."""
    homes.warm(campaign.folder)
    import_prefect()
    for _ in campaign.tries():
        home = campaign.folder / "home"
        shutil.rmtree(home, ignore_errors=True)
        (home / "study").mkdir(parents=True)
        path = write_study(home / "study", campaign.rng)
        try:
            refused, found = ask(functools.partial(show_all, home, path), campaign.folder)
        except RuntimeError as error:
            kind = "hung" if "exit None" in str(error) else "tracebacks"
            refused, found = False, [(kind, str(error))]
        campaign.counts["refused" if refused else "shown"] += 1
        for kind, sentence in found:
            campaign.fault(kind, f"{path.name!r}: {sentence}")


def main(argv: list[str] | None = None) -> int:
    """Exit code: 1 when a name got through, or something hung or failed over it."""
    return conduct(argv, __doc__, give, n=20)


if __name__ == "__main__":
    sys.exit(main())
