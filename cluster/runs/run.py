"""`run`, `resume` and `plan`: from options to units, from units to what is left, and off to the driver."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cluster.ray_engine.runtime import check_address, fingerprint, open_executor
from cluster.runs.dependencies import dependencies_of
from cluster.runs.devices import device_for
from cluster.runs.options import (
    GPU_METHODS,
    RunOptions,
    folds_of,
    options_of,
    run_body,
)
from cluster.runs.planning import Costs, make_shards
from cluster.runs.request import Wanted, verified_dataset, wanted_by
from cluster.scheduling.driver import Deadlines, Outcome, drive, seal_if_done
from cluster.scheduling.progress import progress_for
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.store.records import targets_digest
from cluster.store.units import FINAL_FOLD, Unit
from cluster.store.writer import StoreWriter
from cluster.text import measure_in_words
from cluster.worker.inputs import RunInputs
from cluster.worker.work import prepare, run_and_commit
from modeling.kernels.kernels import KERNELS
from tasks.artifacts.training_expression import training_bytes
from tasks.dataset.dataset import Dataset
from tasks.dataset.gene_classes import VARIABLE
from tasks.dataset.target_facts import missing_pattern_order, target_facts
from tasks.drugs.drugs import METHOD as DRUGS
from tasks.drugs.drugs import drug_data
from tasks.errors import BadInputError
from tasks.fitting.fold import panel_of


@dataclass(frozen=True)
class Request:
    """What `knockcast run` and `plan` were asked for."""

    dataset: Path
    store: str | None
    methods: tuple[str, ...] = ("modifiers",)
    targets: str | Sequence[str] = "all"
    final: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    shard_size: int | None = None
    address: str = "local"
    workers: int | None = None
    insecure: bool = False


@dataclass(frozen=True)
class Resources:
    """Where work runs and how it is cut: nothing here changes a result."""

    address: str = "local"
    workers: int | None = None
    shard_size: int | None = None
    insecure: bool = False


def run(dataset: Path | str, store: Path | str, **request: Any) -> Outcome:
    """Model every target of a Dataset and commit the results to a store; `knockcast run` in Python.

    Keywords: methods, targets (as the command takes them, or a list of names), final, shard_size, address,
    workers, insecure as in `Request`; all others (preset, scheme, folds, seed, top, fdr, redundancy,
    like_the_code, device, stratified, search_architecture, nested_search) are the run's options.
    Raises BadInputError, StorageError or RefusedError; an interruption or quarantined targets are in the
    Outcome, not raised.
    """
    known = {name: request.pop(name) for name in list(request) if name in Request.__dataclass_fields__}
    return run_request(Request(Path(dataset), str(store), **known, options=request))


def run_request(request: Request) -> Outcome:
    """Open or join the store, write down what is wanted, and do what of it is left."""
    if request.store is None:
        raise BadInputError("--store: a run needs a store")
    check_address(request.address, request.insecure)
    wanted = wanted_of(request)
    dataset, units, facts = wanted.dataset, wanted.units, wanted.facts
    options = on_device(wanted.options, device_for(wanted.options.device, request))
    writer = StoreWriter(open_filesystem(request.store))
    writer.open_run(run_body(options, dataset, targets_digest(facts)))
    _put_shared(writer, dataset, facts, units)
    for note in wanted.notes:
        print(note, file=sys.stderr)
    writer.add_plan(units, dataset=str(dataset.path.resolve()))
    resources = Resources(request.address, request.workers, request.shard_size, request.insecure)
    return _work_off(writer, dataset, options, costs_of(options, dataset, facts), units, resources)


def resume_store(
    store: str,
    dataset: Path | None = None,
    address: str = "local",
    workers: int | None = None,
    shard_size: int | None = None,
    retry_failed: bool = False,
    insecure: bool = False,
) -> Outcome:
    """Do what is left of every run into this store.

    Raises BadInputError where its dataset is not to be found, or its run needs a GPU and there is none.
    """
    check_address(address, insecure)
    resources = Resources(address, workers, shard_size, insecure)
    reader = StoreReader.open(store)
    if not reader.wanted_units():
        raise BadInputError(f"{store}: no plan says what is wanted; repeat the original `knockcast run`")
    found = _dataset_of(reader, dataset)
    options, facts = options_of(reader.run), target_facts(found)
    device_for(options.device, resources, f"{store}: its run uses device cuda")
    writer = StoreWriter(reader.fs)
    writer.open_run(run_body(options, found, targets_digest(facts)))
    _put_shared(writer, found, facts, reader.wanted_units())
    retried = frozenset(reader.quarantined()) if retry_failed else frozenset()
    for unit in retried:
        writer.release(unit)
    order = missing_pattern_order(found)
    units = sorted(reader.wanted_units(), key=lambda u: (u.method, u.fold, order.get(u.target, -1)))
    costs = costs_of(options, found, facts)
    return _work_off(writer, found, options, costs, units, resources, retried)


def wanted_of(request: Request) -> Wanted:
    """What a request comes to; see `cluster.runs.request.wanted_by`."""
    return wanted_by(request.dataset, request.methods, request.targets, request.final, dict(request.options))


def _put_shared(writer: StoreWriter, dataset: Dataset, facts: pa.Table, units: Iterable[Unit]) -> None:
    """What many rows go with: facts of the targets, and the expression that kernels compare samples with."""
    writer.put_targets(facts)
    if any(unit.fold == FINAL_FOLD and unit.method in KERNELS for unit in units):
        writer.put_training(training_bytes(dataset.cell_lines, dataset.genes, dataset.expression))


def _dataset_of(reader: StoreReader, given: Path | None) -> Dataset:
    """The dataset a store's runs were made from: where it was, or where the user says it is now."""
    places = [given] if given is not None else [Path(place) for place in reader.datasets()]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        tried = ", ".join(map(str, places)) or "no place is recorded"
        raise BadInputError(f"{reader.fs.name}: its dataset is not to be found ({tried}); give --dataset")
    return verified_dataset(found)


def _dependencies(options: RunOptions, writer: StoreWriter) -> Callable[[Unit], tuple[str, ...]]:
    return lambda unit: dependencies_of(unit, writer.run_digest, options.search)


def on_device(options: RunOptions, device: str) -> RunOptions:
    """The options, with `auto` settled."""
    return options.model_copy(update={"device": device})


def costs_of(options: RunOptions, dataset: Dataset, facts: pa.Table) -> Costs:
    """What the work on a dataset costs; `facts` are of its targets (`tasks.dataset.target_facts`)."""
    return Costs(
        options.candidates,
        len(dataset.genes),
        len(dataset.cell_lines),
        len(dataset.drugs),
        profiled=int((np.asarray(dataset.own) >= 0).sum()),
        variable=facts.column("class").to_pylist().count(VARIABLE),
    )


def _work_off(
    writer: StoreWriter,
    dataset: Dataset,
    options: RunOptions,
    costs: Costs,
    wanted: Sequence[Unit],
    resources: Resources,
    retried: frozenset[Unit] = frozenset(),
) -> Outcome:
    reader = StoreReader(writer.fs)
    asked = set(wanted)
    quarantined = {u: tuple(map(str, e)) for u, e in reader.quarantined().items() if u in asked}
    done = reader.committed_units()
    left = [unit for unit in wanted if unit not in done and unit not in quarantined]
    _say_what_is_reused(len(wanted), len(left), len(quarantined), dataset)
    if not left:
        return Outcome(0, 0, quarantined, {}, False, seal_if_done(writer), 0.0)
    folds = {f.number: f for f in folds_of(options, dataset)}
    drugs = drug_data(dataset) if any(unit.method == DRUGS for unit in left) else None
    inputs = RunInputs(panel_of(dataset), folds, options, writer.fs.name, writer.run_digest, drugs)
    on_gpu = GPU_METHODS & {u.method for u in left} if options.runs_on == "cuda" else frozenset()
    with open_executor(run_and_commit, prepare, inputs, resources, on_gpu) as executor:
        outcome = drive(
            writer,
            make_shards(
                left,
                writer.run_digest,
                costs,
                executor.slots,
                resources.shard_size,
                _dependencies(options, writer),
            ),
            executor,
            code=fingerprint(),
            deadlines=Deadlines(costs.seconds),
            retried=retried,
            progress=progress_for(),
        )
    outcome = replace(outcome, quarantined=quarantined | outcome.quarantined)
    _say_how_it_ended(outcome, writer.fs.name, options.scheme)
    return outcome


def _say_what_is_reused(wanted: int, left: int, quarantined: int, dataset: Dataset) -> None:
    committed = wanted - left - quarantined
    text = f"{wanted} units wanted ({measure_in_words(dataset.measure)}), {committed} committed"
    if quarantined:
        text += f", {quarantined} quarantined (resume --retry-failed tries them again)"
    print(f"{text}: {f'{left} to do' if left else 'nothing to do'}", file=sys.stderr)


def _say_how_it_ended(outcome: Outcome, store: str, scheme: str) -> None:
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
