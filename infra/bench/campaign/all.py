"""Conducts the whole campaign and writes its table into infra/RELIABILITY.md.

    PYTHONPATH=. python infra/bench/campaign/all.py [--long] [--only kills damage] [--kept FILE]

Without `--long` the quick form: a few minutes of one core, nothing is written. `--kept` appends a
JSON line a script, as `--json` of each does; `--table FILE` writes the table of such a file. Exit
code 1 when anything was lost, doubled, silently wrong, hung or a traceback.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from trials import FAULTS, ROOT, environment

HERE = Path(__file__).resolve().parent
DOCUMENT = ROOT / "infra" / "RELIABILITY.md"
BEGIN = "<!-- campaign: written by python infra/bench/campaign/all.py --long -->"
END = "<!-- campaign ends -->"


class Part(NamedTuple):
    """One script: what it does, in words for the table, and how often in either form; 0: not."""

    what: str
    quick: int
    long: int
    more: tuple[str, ...] = ()
    """Further options of the long form."""


PARTS: dict[str, Part] = {
    "kills": Part("a whole run is killed, anywhere or inside a function that writes", 4, 1000),
    "real_kills": Part("a process of a real run is killed: the run, an engine, a worker", 0, 50),
    "workers": Part(
        "a worker of a run that is shared out is killed", 0, 40, ("--workers", "4", "--bucket")
    ),
    "crash_images": Part("the machine stops: un-synced writes lost, torn, kept", 4, 500),
    "disk_faults": Part("a call on the disk fails (full, broken, read-only)", 1, 500),
    "damage": Part("a file is damaged: bits, blocks, ends, of every kind", 4, 400),
    "concurrency": Part(
        "runs of one study at once, readers, writers, copies", 1, 20, ("--runs", "20")
    ),
    "hostile_texts": Part("texts that steer terminals, pages, spreadsheets", 46, 1000),
    "hostile_names": Part("names of studies, models, strategies, files that steer", 1, 100),
    "servers_down": Part("MLflow fails, cuts, drips or goes at request k", 1, 100),
    "prefect_down": Part("a Prefect server of others fails, cuts, is slow, goes", 1, 60),
    "attacks": Part("a stranger asks `ttc up` and `ttc serve`", 0, 100),
    "http_chaos": Part("a request to replicas that fail, lie, cut, pack or hang", 100, 10_000),
    "nights": Part("a night on a folder that has had many: does anything rise", 0, 100),
}
"""By script's name, in the order of the table; a new script is a line here."""


def conduct(name: str, *, long: bool) -> dict[str, Any]:
    """The counts of one script, which may take long."""
    part = PARTS[name]
    times = [*part.more, "--n", str(part.long), "--seconds", "36000"] if long else []
    command = [sys.executable, str(HERE / f"{name}.py"), "--n", str(part.quick), *times]
    with tempfile.TemporaryDirectory() as home:
        ours = environment(Path(home))
        done = subprocess.run(
            command, cwd=ROOT, env=ours, stdout=subprocess.PIPE, text=True, check=False
        )
    lines = done.stdout.splitlines()
    if not lines or not lines[-1].startswith("{"):
        raise RuntimeError(f"{name}: exit {done.returncode} without counts: {done.stdout[-500:]}")
    return json.loads(lines[-1])


def table(kept: list[dict[str, Any]]) -> str:
    """What was kept, a row a script, several rounds of one together, as Markdown."""
    head = ["what was tried", "script", "tried", *FAULTS, "CPU s", "date", "commit"]
    rows = [head, ["---"] * len(head)]
    for name, part in PARTS.items():
        rounds = [one for one in kept if one["script"] == name]
        if not rounds:
            continue
        sums = {key: sum(one[key] for one in rounds) for key in ("tried", *FAULTS, "cpu_seconds")}
        numbers = [f"{sums[key]:,}" for key in ("tried", *FAULTS)]
        last = rounds[-1]
        spent = f"{sums['cpu_seconds']:,.0f}"
        rows.append([part.what, name, *numbers, spent, last["date"], last["commit"]])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def write_table(kept: list[dict[str, Any]]) -> None:
    """Between the markers of the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table(kept)}\n{END}{after}", encoding="utf-8")


def main() -> int:
    """Print a line a script; 1 when one failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--kept", type=Path, help="a file to which a line a script is appended")
    parser.add_argument("--table", type=Path, help="write the table of such a file, nothing else")
    options = parser.parse_args()
    if options.table:
        write_table([json.loads(line) for line in options.table.read_text().splitlines()])
        return 0
    kept: list[dict[str, Any]] = []
    names = [name for name in options.only if options.long or PARTS[name].quick]
    for name in names:
        kept.append(conduct(name, long=options.long))
        print(json.dumps(kept[-1]), flush=True)
        if options.kept:
            with options.kept.open("a") as file:
                file.write(json.dumps(kept[-1]) + "\n")
    if options.long and options.only == list(PARTS):
        write_table(kept)
    return int(any(one[fault] for one in kept for fault in FAULTS))


if __name__ == "__main__":
    sys.exit(main())
