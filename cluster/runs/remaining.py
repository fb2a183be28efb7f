"""What of a prepared run is left to do, and the shards made of it: `plan` promises them, `run` does them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cluster.ray_engine.addresses import check_address
from cluster.ray_engine.every_slot import every_slot
from cluster.ray_engine.runtime import slots_of
from cluster.runs.calibration import calibrated
from cluster.runs.devices import device_for, device_here
from cluster.runs.estimates import Estimate, keep_estimate, known_factors
from cluster.runs.fields import RunOptions
from cluster.runs.methods import dependencies_of, settings_of
from cluster.runs.planning import PlanSummary, Shard, make_shards, summarise
from cluster.runs.request import PreparedRun, RunRequest, prepare_run
from cluster.store.filesystem import open_filesystem
from cluster.store.layout import RUN
from cluster.store.reader import StoreReader
from cluster.store.run_body import refuse_foreign_folder, refuse_other_run
from cluster.store.units import Unit
from cluster.store.writer import StoreWriter


@dataclass(frozen=True, eq=False)
class Remaining:
    """The wanted units by what has become of them; `quarantined` come with the errors that condemned them."""

    committed: frozenset[Unit]
    quarantined: dict[Unit, tuple[str, ...]]
    left: tuple[Unit, ...]


def remaining_of(prepared: PreparedRun, reader: StoreReader | None) -> Remaining:
    """What a store (None: there is none yet) leaves to do of a run."""
    if reader is None:
        return Remaining(frozenset(), {}, prepared.units)
    wanted, done = set(prepared.units), reader.committed_units()
    aside = {u: tuple(map(str, errors)) for u, errors in reader.quarantined().items() if u in wanted}
    left = tuple(unit for unit in prepared.units if unit not in done and unit not in aside)
    return Remaining(frozenset(wanted & done.keys()), aside, left)


def shards_of(prepared: PreparedRun, left: Sequence[Unit], slots: int) -> list[Shard]:
    """The shards that `run` makes of what is left, for so many slots."""
    options = prepared.options
    return make_shards(
        left,
        prepared.digest,
        prepared.costs,
        slots,
        options.shard_size,
        lambda unit: dependencies_of(unit, prepared.digest, settings_of(options, unit.method)),
    )


@dataclass(frozen=True, eq=False)
class DryRun:
    """What `run` would do. `summary` counts shards and costs; `quarantined` units by method and fold."""

    prepared: PreparedRun
    remaining: Remaining
    shards: tuple[Shard, ...]
    summary: PlanSummary

    @property
    def quarantined(self) -> Counter[tuple[str, int]]:
        """How many units of each method and fold are not tried again."""
        return Counter((unit.method, unit.fold) for unit in self.remaining.quarantined)


def dry_run(request: RunRequest, calibrate: bool = False, node_cores: int | None = None) -> DryRun:
    """What `run` would do with the same request; the store is only read.

    A cluster is asked nothing: its slots are taken to be this machine's. Unless `calibrate`: then parts of
    the work are done where the run would be (`cluster.runs.calibration`), and a store, begun if need be,
    keeps what was measured. `node_cores` are those of a node where it will run; without it, slots are on one
    node, or on the nodes of the cluster that was asked.
    Raises BadInputError where `run` would: for a store that holds another run, a folder that is none, and for
    want of a GPU on this machine; with `calibrate` RefusedError and ClusterError too.
    """
    prepared = prepare_run(request, _device_without_asking)
    reader, options = _reader_of(request.store, prepared), prepared.options
    remaining = remaining_of(prepared, reader)
    slots, nodes = slots_of(options.workers), 1
    factors = known_factors(reader.fs) if reader is not None else {}
    if calibrate:
        check_address(options.address, options.insecure)
        with every_slot(options.address, options.workers, options.insecure, prepared.plugins) as there:
            factors = {**factors, **calibrated(prepared, there)}
            slots, nodes = there.slots, there.nodes
    notes = () if calibrate else _not_asked(options, slots, node_cores)
    prepared = replace(prepared, factors=factors, notes=(*prepared.notes, *notes))
    if calibrate and request.store is not None:
        _keep(request.store, prepared)
    shards = shards_of(prepared, remaining.left, slots)
    nodes = nodes if node_cores is None else -(-slots // node_cores)
    done = set(remaining.committed)
    summary = summarise(prepared.units, done, shards, prepared.costs, slots, min(nodes, slots))
    return DryRun(prepared, remaining, tuple(shards), summary)


def _not_asked(options: RunOptions, slots: int, node_cores: int | None) -> tuple[str, ...]:
    """What a plan takes for given of the machines where the run will be, as it asked none of them."""
    notes = []
    if not options.is_here:
        notes.append(f"{options.address} was not asked: these workers are this machine's; --calibrate asks")
    if node_cores is None and slots > slots_of(None):
        notes.append(f"all {slots} workers are taken to be on one node; --node-cores says how many it has")
    return tuple(notes)


def _keep(store: str, prepared: PreparedRun) -> None:
    fs = open_filesystem(store)
    fs.require_exclusive()
    StoreWriter(fs).open_run(prepared.body)
    keep_estimate(fs, prepared.digest, Estimate.of(prepared.costs, prepared.options.methods))


def _device_without_asking(options: RunOptions) -> str:
    return device_for(options) if options.is_here else device_here(options.device)


def _reader_of(store: str | None, prepared: PreparedRun) -> StoreReader | None:
    """The store, if there is one and it holds this run."""
    if store is None:
        return None
    fs = open_filesystem(store)
    if not fs.exists(RUN):
        refuse_foreign_folder(fs)
        return None
    refuse_other_run(fs, prepared.body)
    return StoreReader(fs)
