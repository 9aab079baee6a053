"""A run as its study and the files say now; every refusal happens here, before the first token."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

from tasks.benchmarks.benchmark import load_benchmark
from tasks.grading.graders import make_grader
from tasks.models.format_tables import format_table, selection_words
from tasks.models.formats import Format, load_format
from tasks.models.texts import IMPORTED, load_text_format, text_model
from tasks.models.verifiers import load_reading, load_verifier_format
from tasks.models.version import Model, load_model
from tasks.runs.larger import check_larger, load_larger
from tasks.runs.lengths import check_adapter, check_lengths
from tasks.runs.refusals import (
    check_caps,
    check_context,
    check_count,
    check_reviser,
    check_servers,
    check_shown,
    check_thinking,
)
from tasks.runs.run import Run
from tasks.runs.text_refusals import check_endpoint_names, check_text_study
from tasks.study.study import Study, study_from
from tasks.study.tables import Revisions, Verifier
from warehouse.errors import UserError
from warehouse.reader import Reader


def load_run(store: Reader, run_id: str) -> Run:
    """The run of an id; UserError if what it was opened with has changed since."""
    rows = store.read("SELECT * FROM runs WHERE run_id = $run_id", run_id=run_id)
    if not len(rows):
        raise UserError(
            f"run: expected the id of a run in the warehouse, got {run_id!r}; "
            "`ttc status` lists them"
        )
    row = rows.row(0, named=True)
    values = json.loads(row["study_json"])
    study = study_from(values | _latest_conditions(store, run_id))
    # A model behind an endpoint was asked who it is when the run was opened.
    known = row["model_fingerprint"]
    run = prepare_run(study, row["model"], run_id=run_id, known=known)
    if run.generator.fingerprint != row["model_fingerprint"] or identity_of(run) != row["identity"]:
        raise UserError(
            f"run {run_id}: model, verifier, benchmark or grader changed since it was opened; "
            "run the study again for a new run"
        )
    return run


def conditions_of(study: Study) -> str:
    """What of a study may change while a run of it goes on, as JSON: where and how it is asked."""
    values = dataclasses.asdict(study)
    return json.dumps({key: values[key] for key in ("engine", "endpoints")}, sort_keys=True)


def _latest_conditions(store: Reader, run_id: str) -> dict[str, Any]:
    """Those with which a run was gone on with last; nothing for one that was opened and run."""
    rows = store.read(
        "SELECT detail FROM run_events WHERE run_id = $run_id AND event = 'resumed' "
        'AND detail IS NOT NULL ORDER BY "at" DESC LIMIT 1',
        run_id=run_id,
    )
    return json.loads(rows.item()) if len(rows) else {}


def prepare_run(study: Study, name: str, *, run_id: str, known: str | None = None) -> Run:
    """The run as the study and the files say now; UserError for whatever cannot be evaluated.

    `known` is the fingerprint of a model behind an endpoint; None: the endpoint is asked for it.
    """
    run = _assemble(study, name, run_id, known)
    # Each rests on the ones before it: a benchmark that is too small has no prompts to measure.
    check_count(run.benchmark)
    check_lengths(run)
    run.grader.check(run.benchmark.questions)
    check_caps(run)
    check_shown(run)
    check_context(run, run.benchmark.questions)
    check_thinking(run)
    check_reviser(run)
    check_larger(run)
    check_servers(run)
    return run


def _assemble(study: Study, name: str, run_id: str, known: str | None) -> Run:
    if study.benchmarks:
        raise UserError(
            f"study: expected a study of one benchmark here, got {len(study.benchmarks)}; "
            "write one benchmark, `ttc run` and `ttc plan` take several"
        )
    benchmark = load_benchmark(
        study.benchmark,
        count=study.questions,
        seed=study.seed,
        kind=study.kind,
        columns=study.columns,
    )
    # What a study calls it decides nothing of what is asked.
    if study.benchmark_name:
        benchmark = benchmark._replace(name=study.benchmark_name)
    usage = _writing(study)
    generator = _load_generator(study, name, usage, known)
    # What is asked for follows from the kind of answer that the benchmark has.
    kind = benchmark.kind.grader
    format = _load_format(study, generator, kind)
    revisions = study.revisions or Revisions()
    return Run(
        run_id=run_id,
        study=study,
        generator=generator,
        verifier=_load_verifier(study, study.verifier, generator, format),
        reviser=load_model(revisions.model, usage) if revisions.model else generator,
        judge=_load_verifier(study, revisions.verifier, generator, format),
        benchmark=benchmark,
        grader=make_grader(benchmark.kind),
        format=format,
        larger=load_larger(study, generator, usage=usage, kind=kind),
    )


def with_study(run: Run, study: Study) -> Run:
    """The run under another study of its models, with the larger model that this one may ask."""
    kind = run.benchmark.kind.grader
    larger = load_larger(study, run.generator, usage=_writing(study), kind=kind)
    return dataclasses.replace(run, study=study, larger=larger)


def _load_generator(study: Study, name: str, usage: str, known: str | None) -> Model:
    """The model version of a folder, of a log, or behind an endpoint of the study."""
    check_endpoint_names(study)
    endpoint = study.endpoint(name)
    if endpoint or name.startswith(IMPORTED):
        check_text_study(study, name)
    if endpoint is None:
        return text_model(name, usage) if name.startswith(IMPORTED) else load_model(name, usage)
    if known:
        return dataclasses.replace(text_model(name, usage), fingerprint=known)
    # Here: whoever reads a run that is there asks nobody.
    from tasks.endpoints.identity import probe

    return text_model(name, f"{probe(endpoint)}|{usage}")


def _load_format(study: Study, generator: Model, kind: str) -> Format:
    named = study.generator.format
    if generator.folder is None:
        return load_text_format(named, kind=kind)
    options = study.generator.chat_template_kwargs
    return load_format(named, generator.folder, kind=kind, options=options)


def _load_verifier(
    study: Study, verifier: Verifier | None, generator: Model, format: Format
) -> Model | None:
    """The verifier's model version, after a check that its format can read it."""
    if verifier is None:
        return None
    verifier_format = load_verifier_format(verifier.format)
    # `likelihood` asks the generator itself, whatever model is named beside it.
    is_generator = verifier_format.kind == "likelihood"
    name = generator.name if is_generator else verifier.model
    usage = _usage(verifier_format.identity, study)
    if verifier_format.kind == "stated":
        return text_model(name, usage)
    model = generator if is_generator and generator.folder is None else load_model(name, usage)
    check_adapter(model, verifier_format)
    # Bound here once, to be refused here: engines bind it again when they start.
    load_reading(verifier.format, model.files, format=format)
    return model


def _writing(study: Study) -> str:
    """What besides its files decides what a generator writes."""
    table = format_table(study.generator.format)
    options = study.generator.chat_template_kwargs
    # Versions from before this key have it nowhere.
    if options:
        table = {**table, "chat_template_kwargs": options}
    return _usage(table, study)


def _usage(table: dict[str, Any], study: Study) -> str:
    """What besides its files decides what a model says: its format's table and the dtype."""
    return json.dumps([table, study.engine.dtype], sort_keys=True)


def _selection_words(study: Study) -> list[str]:
    """In which words a study's strategies ask which attempt is best; none where none does."""
    strategies = map(study.strategy, study.strategies)
    if not any(strategy.form.selects for strategy in strategies):
        return []
    return list(selection_words(study.generator.format).values())


def identity_of(run: Run) -> str:
    """Hash of all that decides the run's result: study, model versions, benchmark and grader."""
    others = (run.verifier, run.reviser, run.judge)
    parts = [
        run.study.digest(),
        run.generator.fingerprint,
        run.benchmark.fingerprint,
        *(model.fingerprint if model else "none" for model in others),
        f"{run.benchmark.kind.grader} {run.grader.version}",
        *_selection_words(run.study),
        # Runs from before there were cascades have it nowhere.
        *([run.larger.model.fingerprint] if run.larger else []),
    ]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]
