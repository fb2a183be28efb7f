"""`run` and `resume`: from a request to what is left of it, and off to the driver."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from cluster.errors import StorageError
from cluster.execution.turns import take_turn
from cluster.observing.events import Observer, Several
from cluster.observing.log import JsonLog, check_log
from cluster.observing.terminal import observer_for
from cluster.observing.totals import Totals
from cluster.ray_engine.addresses import check_address
from cluster.ray_engine.runtime import open_executor
from cluster.runs.devices import device_for
from cluster.runs.estimates import Estimate, keep_estimate, known_factors
from cluster.runs.fields import WHERE, RunOptions, names_in
from cluster.runs.options import checked_options
from cluster.runs.plugins import plugins_body
from cluster.runs.remaining import Remaining, remaining_of, shards_of
from cluster.runs.request import PreparedRun, RunRequest, prepare_resume, prepare_run, request_of
from cluster.scheduling.deadlines import Deadlines
from cluster.scheduling.driver import Outcome, drive, seal_if_done
from cluster.store.datasets import is_dataset_there, place_of_dataset
from cluster.store.filesystem import FileSystem, address_of, open_filesystem
from cluster.store.layout import SUCCESS
from cluster.store.reader import StoreReader
from cluster.store.sealing import unseal_what_is_not_whole
from cluster.store.units import FINAL_FOLD, Unit
from cluster.store.writer import StoreWriter
from cluster.text import counted, measure_in_words
from cluster.worker.work import RunInputs, prepare, run_and_commit
from modeling.numba_cache import is_warm
from tasks.artifacts.files import training_bytes
from tasks.dataset.dataset import Dataset
from tasks.dataset.line_facts import line_facts
from tasks.errors import BadInputError
from tasks.fitting.fold import panel_of
from tasks.methods.registry import method_named


def run(dataset: Path | str, store: Path | str, **options: Any) -> Outcome:
    """Model every target of a Dataset and commit the results to a store; `knockcast run` in Python.

    The keywords are the fields of `cluster.runs.fields.RunOptions`: methods, targets (as the command takes
    them, or a list of names), final, preset, scheme, folds, seed, ..., shard_size, address, workers and
    insecure. Raises BadInputError, StorageError or RefusedError; an interruption or quarantined targets are
    in the Outcome, not raised.
    """
    return run_request(request_of(dataset, store, **options))


def run_request(request: RunRequest) -> Outcome:
    """Open or join the store, write down what is wanted, and do what of it is left."""
    if request.store is None:
        raise BadInputError("--store: a run needs a store")
    check_address(request.options.address, request.options.insecure)
    check_log(request.options.log)
    prepared = prepare_run(request, device_for)
    fs = open_filesystem(request.store)
    fs.require_exclusive()
    writer = StoreWriter(fs)
    writer.open_run(prepared.body)
    _unseal_what_is_not_whole(fs)
    _put_shared(writer, prepared)
    for note in prepared.notes:
        print(note, file=sys.stderr)
    where = place_of_dataset(request.dataset)
    writer.add_plan(prepared.units, where, prepared.options.shard_size, plugins_body(prepared.plugins))
    return _work_off(writer, prepared)


def resume_store(
    store: str, dataset: str | Path | None = None, retry_failed: bool = False, **where: Any
) -> Outcome:
    """Do what is left of every run into this store.

    `where` are the options that change no result: address, workers, insecure, and shard_size, which is that
    of the original run if not given. Raises BadInputError where the dataset is not to be found, or the run
    needs a GPU and there is none.
    """
    options = _where_alone(where)
    check_address(options.address, options.insecure)
    check_log(options.log)
    reader = StoreReader.open(store)
    _unseal_what_is_not_whole(reader.fs)
    if not reader.wanted_units():
        raise BadInputError(f"{store}: no plan says what is wanted; repeat the original `knockcast run`")
    if options.shard_size is None:
        options = options.model_copy(update={"shard_size": reader.shard_size()})
    asker = f"{store}: its run uses device cuda"
    prepared = prepare_resume(
        reader, options, _dataset_of(reader, dataset), lambda settled: device_for(settled, asker)
    )
    reader.fs.require_exclusive()
    writer = StoreWriter(reader.fs)
    writer.open_run(prepared.body)
    _put_shared(writer, prepared)
    retried = frozenset(reader.quarantined()) if retry_failed else frozenset()
    for unit in retried:
        writer.release(unit)
    return _work_off(writer, prepared, retried)


def _unseal_what_is_not_whole(fs: FileSystem) -> None:
    if gone := unseal_what_is_not_whole(fs):
        print(f"{counted(gone, 'commit')} that {SUCCESS} lists gone: the work is done again", file=sys.stderr)


def _where_alone(where: dict[str, Any]) -> RunOptions:
    """The options of a resume. BadInputError for one that run.json or the plans decide."""
    known = names_in(WHERE)
    if fixed := [name for name in where if name in RunOptions.model_fields and name not in known]:
        raise BadInputError(
            [
                f"{name}: a resume takes it from the store; it may be given {', '.join(known)}"
                for name in fixed
            ]
        )
    return checked_options(**where)


def _put_shared(writer: StoreWriter, prepared: PreparedRun) -> None:
    """What many rows go with: facts of targets and lines, and the expression that kernels compare with."""
    dataset = prepared.dataset
    writer.put_targets(prepared.facts)
    writer.put_cell_lines(line_facts(dataset, prepared.folds), dataset.content_hash)
    final = {unit.method for unit in prepared.units if unit.fold == FINAL_FOLD}
    if any(method_named(name).needs_training_expression for name in final):
        writer.put_training(training_bytes(dataset.cell_lines, dataset.genes, dataset.expression))


def _dataset_of(reader: StoreReader, given: str | Path | None) -> str:
    """The dataset a store's runs were made from: where it was, or where the user says it is now."""
    places = [address_of(given)] if given is not None else reader.datasets()
    found = next((place for place in places if is_dataset_there(place)), None)
    if found is None:
        tried = ", ".join(places) or "no place is recorded"
        raise BadInputError(f"{reader.fs.name}: its dataset is not to be found ({tried}); give --dataset")
    return found


def _work_off(writer: StoreWriter, prepared: PreparedRun, retried: frozenset[Unit] = frozenset()) -> Outcome:
    while True:
        remaining = remaining_of(prepared, StoreReader(writer.fs))
        left, quarantined = remaining.left, remaining.quarantined
        _report_what_is_reused(len(prepared.units), len(left), len(quarantined), prepared.dataset)
        if not left:
            return Outcome(0, 0, quarantined, {}, False, seal_if_done(writer), 0.0)
        methods = sorted({unit.method for unit in left})
        if lease := take_turn(writer.fs, methods, prepared.options.if_busy):
            break
    writer.lease = lease.number
    try:
        return _work_off_now(writer, prepared, remaining, methods, retried)
    finally:
        with suppress(StorageError):  # it expires by itself
            lease.end()


def _work_off_now(
    writer: StoreWriter,
    prepared: PreparedRun,
    remaining: Remaining,
    methods: Sequence[str],
    retried: frozenset[Unit],
) -> Outcome:
    prepared = replace(prepared, factors=known_factors(writer.fs))
    keep_estimate(writer.fs, prepared.digest, Estimate.of(prepared.costs, methods))
    dataset, options = prepared.dataset, prepared.options
    left, quarantined = remaining.left, remaining.quarantined
    inputs = RunInputs(
        panel_of(dataset, prepared.facts, options.inputs),
        {fold.number: fold for fold in prepared.folds},
        options,
        writer.fs.name,
        writer.run_digest,
        {name: method_named(name).load(dataset) for name in methods},
    )
    on_gpu = frozenset(name for name in methods if options.runs_on == "cuda" and method_named(name).uses_gpu)
    compiling = not is_warm() if options.is_here else None
    if compiling:
        print(
            "preparing: the first run compiles numerical code, about half a minute; later runs reuse it",
            file=sys.stderr,
        )
    totals = Totals()
    observers: list[Observer] = [observer_for(), totals]
    if options.log is not None:
        observers.append(JsonLog(options.log, writer.run_digest, writer.fs.name))
    where = (options.address, options.workers, options.insecure)
    needs = prepared.costs.needs(methods, inputs.panel.size)
    with open_executor(run_and_commit, prepare, inputs, *where, on_gpu, prepared.plugins, needs) as executor:
        if options.workers != 0:
            from cluster.ray_engine.metrics import RayMetrics  # noqa: PLC0415 - Ray comes after its settings

            observers.append(RayMetrics(writer.run_digest))
        outcome = drive(
            writer,
            shards_of(prepared, left, executor.slots),
            executor,
            deadlines=Deadlines(prepared.costs.seconds, prepared.costs.preparation),
            retried=retried,
            observer=Several(observers),
            compiling=compiling,
            done_before=len(remaining.committed),
        )
    outcome = replace(outcome, quarantined=quarantined | outcome.quarantined)
    for line in totals.lines():
        print(line, file=sys.stderr)
    _report_how_it_ended(outcome, writer.fs.name, options.scheme)
    return outcome


def _report_what_is_reused(wanted: int, left: int, quarantined: int, dataset: Dataset) -> None:
    committed = wanted - left - quarantined
    text = f"{wanted} units wanted ({measure_in_words(dataset.measure)}), {committed} committed"
    if quarantined:
        text += f", {quarantined} quarantined (resume --retry-failed tries them again)"
    print(f"{text}: {f'{left} to do' if left else 'nothing to do'}", file=sys.stderr)


def _report_how_it_ended(outcome: Outcome, store: str, scheme: str) -> None:
    for unit, errors in outcome.quarantined.items():
        last = errors[-1].splitlines()[0] if errors else ""
        print(f"quarantined: {unit}: {last}", file=sys.stderr)
    ending = (
        "interrupted; resumable" if outcome.interrupted else "complete" if outcome.sealed else "not complete"
    )
    print(f"{outcome.done} units in {outcome.seconds:.1f} s; {store}: {ending}", file=sys.stderr)
    if outcome.interrupted:
        print(f"knockcast resume {store}   # does what is left, nothing twice", file=sys.stderr)
    elif scheme == "lineage":
        print(f"knockcast query {store} 'FROM lineages'   # held out, against random twins", file=sys.stderr)
