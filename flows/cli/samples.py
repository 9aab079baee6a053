"""`ttc import` and `ttc export`: sample logs of other tools read, our draws written for them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from flows.cli.evaluate import evaluate
from flows.cli.terminal import console, show_rows
from tasks.importing.wishes import NO_WISHES, Wishes
from tasks.settings import settings
from warehouse.errors import UserError

if TYPE_CHECKING:
    from tasks.importing.imports import Imported
    from tasks.samples.log import Refusal, SampleLog

Format = Annotated[str | None, Parameter(help="Format of the logs; left out: as they look.")]
Look = Annotated[bool, Parameter(name="--dry-run", help="Say what is found; the warehouse stays.")]


def import_samples(
    *paths: Path,
    format: Format = None,
    wishes: Annotated[Wishes, Parameter(name="*")] = NO_WISHES,
    dry_run: Look = False,
) -> None:
    """Make a policy of samples that another tool drew: no token is generated.

    Files and folders of lm-evaluation-harness, inspect, lighteval, search-and-learn, NeMo-Skills,
    EvalScope, OpenAI and vLLM batches, Every Eval Ever, and our own rows. Importing again changes
    nothing.
    """
    from tasks.importing.imports import prepare_import
    from tasks.samples.reading import read_logs

    if not paths:
        raise UserError("import: expected files or folders, got none; name them")
    refused: list[str] = []
    for log in read_logs(paths, format):
        try:
            imported = prepare_import(log, settings().home, wishes)
        except UserError as error:
            # One log that no run can be made of keeps none of the others from it.
            refused.append(f"{log.model or log.format} on {log.task or 'its questions'}: {error}")
            _show_refusals(log.refused)
            continue
        _show(imported)
        if not dry_run:
            _write(imported)
    if refused:
        raise UserError("\n".join(refused))


def _write(imported: Imported) -> None:
    """The run of a log, evaluated where it is not there yet."""
    from tasks.importing.imports import write_import
    from warehouse.store import Store

    with Store.open(settings().warehouse) as store:
        run_id, is_new = write_import(store, imported)
    if is_new:
        evaluate(imported.study)
    else:
        console().print(f"run {run_id} has all of it already: nothing was written")
    _show_differences(run_id)


def _show(imported: Imported) -> None:
    """What was found in a log."""
    log = imported.log
    counts = imported.division.counts
    row = {
        "format": log.format,
        "model": log.model,
        "task": log.task,
        "questions": len(imported.asked),
        "draws": len(log.samples),
        "taken": f"{counts.pool} + {counts.difficulty}",
        "scores": log.verifier if any(one.scores for one in log.samples) else None,
        "answer": imported.kind.grader,
    }
    show_rows([row], as_json=False, title="found (taken: draws a question, + those for its bin)")
    _show_refusals(imported.refused)
    for line in _notes(imported):
        console().print(f"· {line}")
    console().print(f"· The study is {imported.study_file}: change it and `ttc run` it.")


def _notes(imported: Imported) -> list[str]:
    """What a reader of the policy must know of the log."""
    samples = imported.log.samples
    lines: list[str] = []
    if any(one.tokens is None for one in samples):
        lines.append("Tokens of some draws are not in the log: no policy along FLOPs or tokens.")
    if all(one.stop is None for one in samples):
        lines.append("The log does not say which completions were cut: none counts as cut.")
    if imported.log.temperature is None:
        lines.append("The log does not say the sampling temperature.")
    if imported.study.verifier is None and any(one.scores for one in samples):
        lines.append(
            f"{imported.unscored:,} completions have no score, too many to choose by scores: "
            "strategies that do are left out."
        )
    if imported.rescored:
        lines.append(
            f"{imported.rescored:,} completions have the text of another one of their question "
            "and another score: they take that one's."
        )
    if imported.logits:
        lines.append("Scores outside of 0 to 1 are logits: taken through the sigmoid.")
    return lines


def _show_refusals(refused: list[Refusal]) -> None:
    if refused:
        rows = [{"left out": one.count, "why": one.reason, "first": one.example} for one in refused]
        show_rows(rows, as_json=False, title="left out")


_DIFFERENCES = """
SELECT metric, count(*) FILTER (stated = 1) AS right_by_source_alone,
    count(*) FILTER (stated = 0) AS right_by_us_alone
FROM stated_against_ours WHERE run_id = $run GROUP BY metric ORDER BY metric
"""


def _show_differences(run_id: str) -> None:
    """Where the source's verdicts are others than ours."""
    from warehouse.snapshot import Snapshot

    rows = Snapshot(settings().warehouse).read(_DIFFERENCES, run=run_id).to_dicts()
    if rows:
        show_rows(rows, as_json=False, title="draws on which the source and our grader differ")
        where = f"run_id = '{run_id}'"
        console().print(f'· Each: ttc sql "SELECT * FROM stated_against_ours WHERE {where}"')


def export_samples(
    run: str | None = None,
    *,
    to: Annotated[Path, Parameter(help="File to write; a folder for every-eval-ever.")],
    format: Annotated[
        Literal["plain", "inspect", "every-eval-ever"], Parameter(help="Whose format.")
    ] = "plain",
) -> None:
    """Write a run's whole completions, scores and verdicts for other tools to open.

    Without a run the newest complete one.
    """
    from tasks.importing.exports import log_of_run, newest_run
    from warehouse.snapshot import Snapshot

    reader = Snapshot(settings().warehouse)
    log = log_of_run(reader, run or newest_run(reader))
    place = _written(log, to, format)
    console().print(f"{len(log.samples):,} draws of {len(log.questions):,} questions in {place}")


def _written(log: SampleLog, to: Path, format: str) -> Path:
    """The file that was written."""
    from tasks.samples.writers.every_eval_ever import write_every_eval_ever
    from tasks.samples.writers.inspect_eval import write_inspect
    from tasks.samples.writers.plain import write_plain

    if format == "plain":
        return write_plain(log, to)
    write = write_inspect if format == "inspect" else write_every_eval_ever
    return write(log, to, moment=time.time())
