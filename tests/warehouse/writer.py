"""A writer to be killed: appends draws as fast as it can and says which, once an append returned.

`python writer.py FOLDER FIRST PUBLISH`: batch i holds the children 10 i … 10 i + 9 of one prefix;
with PUBLISH = 1 a snapshot follows every batch.
"""

import itertools
import os
import sys
from pathlib import Path

import polars as pl
from small_draws import draw_row
from small_run import frame

from warehouse.store import Store

PER_BATCH = 10


def batch(number: int) -> pl.DataFrame:
    children = range(PER_BATCH * number, PER_BATCH * (number + 1))
    return frame("draws", [_child(child) for child in children])


def _child(child: int) -> dict:
    return draw_row(
        "run-a",
        1,
        "q0",
        prefix_key="root",
        sampling_key="pool",
        replicate=0,
        child=child,
        node_key=f"n{child}",
        step_keys=[f"n{child}"],
        depth=0,
        text="I add. " * 50,
        stop="end",
        role="proposer",
    )


def main(folder: Path, first: int, publish: bool) -> None:
    with Store.open(folder) as store:
        for number in itertools.count(first):
            store.append("draws", batch(number))
            if publish:
                store.publish_snapshot()
            os.write(1, f"{number}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "1")
