"""`knockcast plan`: what a run would do, in words."""

from cluster.config import VECTOR_METHODS, RunOptions, folds_of, run_body
from cluster.devices import device_here
from cluster.plan import make_shards, summarise
from cluster.runs import Request, costs_of, on_device, wanted_of
from cluster.runtime import slots_of
from cluster.store.filesystem import open_filesystem
from cluster.store.layout import RUN
from cluster.store.reader import StoreReader
from cluster.store.targets import targets_digest
from cluster.store.units import FINAL_FOLD, Unit
from cluster.store.writer import StoreWriter
from cluster.words import measure_in_words
from tasks.dataset import Dataset
from tasks.shared_training import NETWORK_METHODS


def describe_plan(request: Request) -> str:
    """What `run` would do with the same request, in words: shards, time, memory, what is reused and why."""
    wanted = wanted_of(request)
    dataset, units, facts = wanted.dataset, wanted.units, wanted.facts
    options = on_device(wanted.options, device_here(wanted.options.device))
    committed: set[Unit] = set()
    digest = "plan"
    if request.store is not None and open_filesystem(request.store).exists(RUN):
        reader = StoreReader.open(request.store)
        StoreWriter(reader.fs).open_run(run_body(options, dataset, targets_digest(facts)))
        committed, digest = set(reader.committed_units()), reader.run_digest
    costs, slots = costs_of(options, dataset), slots_of(request.workers)
    left = [unit for unit in units if unit not in committed]
    names = _fold_names(options, dataset)
    summary = summarise(
        units, committed, make_shards(left, digest, costs, slots, request.shard_size), costs, slots
    )
    lines = [
        f"{dataset.path}: {len(dataset.cell_lines)} cell lines x {len(dataset.genes)} genes, "
        f"{len(dataset.targets)} targets ({measure_in_words(dataset.measure)})",
        *(
            f"  {p.method}, {names[p.fold]}: "
            f"{p.wanted} {_noun(p.method)}, {p.reused} reused (committed under this configuration), "
            f"{p.shards} shards, about {p.seconds:.0f} core-seconds"
            for p in summary.lines
        ),
        f"in all {summary.shards} shards; about {summary.seconds:.0f} s on {slots} workers "
        f"(an estimate, good to a factor of three), about {summary.memory_bytes / 2**30:.1f} GiB",
    ]
    return "\n".join([*lines, *wanted.notes])


def _fold_names(options: RunOptions, dataset: Dataset) -> dict[int, str]:
    """How a plan calls each fold: by number, and by what it tests where that is a lineage or its twin."""
    named = options.scheme == "lineage"
    names = {
        f.number: f"fold {f.number}{f' ({f.name})' if named else ''}" for f in folds_of(options, dataset)
    }
    return names | {FINAL_FOLD: "all lines (final models)"}


def _noun(method: str) -> str:
    """What a unit of the method is: of networks, profiles and drugs some are of a fold as a whole."""
    return "units" if method in (*VECTOR_METHODS, *NETWORK_METHODS) else "targets"
