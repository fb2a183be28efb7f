"""`knockcast plan`: what a run would do, in words."""

from collections.abc import Sequence

from cluster.ray_engine.runtime import slots_of
from cluster.runs.devices import device_for, device_here
from cluster.runs.options import GPU_METHODS, VECTOR_METHODS, RunOptions, folds_of, run_body
from cluster.runs.planning import make_shards, summarise
from cluster.runs.run import Request, costs_of, on_device, wanted_of
from cluster.store.filesystem import open_filesystem
from cluster.store.layout import RUN
from cluster.store.reader import StoreReader
from cluster.store.records import targets_digest
from cluster.store.units import FINAL_FOLD, Unit
from cluster.store.writer import StoreWriter
from cluster.text import counted, measure_in_words
from tasks.dataset.dataset import Dataset
from tasks.networks.training import NETWORK_METHODS


def describe_plan(request: Request) -> str:
    """What `run` would do with the same request, in words: shards, time, memory, what is reused and why.

    Raises BadInputError where `run` would, for want of a GPU on this machine, too. Of a cluster nothing is
    asked.
    """
    wanted = wanted_of(request)
    dataset, units, facts = wanted.dataset, wanted.units, wanted.facts
    asked, here = wanted.options.device, request.address == "local" or request.workers == 0
    options = on_device(wanted.options, device_for(asked, request) if here else device_here(asked))
    committed: set[Unit] = set()
    digest = "plan"
    if request.store is not None and open_filesystem(request.store).exists(RUN):
        reader = StoreReader.open(request.store)
        StoreWriter(reader.fs).open_run(run_body(options, dataset, targets_digest(facts)))
        committed, digest = set(reader.committed_units()), reader.run_digest
    costs, slots = costs_of(options, dataset, facts), slots_of(request.workers)
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
            f"{counted(p.wanted, _noun(p.method))}, {p.reused} reused (committed under this configuration), "
            f"{counted(p.shards, 'shard')}, about {_rounded(p.seconds)} core-seconds"
            for p in summary.lines
        ),
        f"in all {counted(summary.shards, 'shard')}; about {_rounded(summary.seconds)} s on "
        f"{counted(slots, 'worker')}, starting and compiling left out "
        f"({_how_good(options, request.methods)}), "
        f"about {summary.memory_bytes / 2**30:.1f} GiB",
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
    return "unit" if method in (*VECTOR_METHODS, *NETWORK_METHODS) else "target"


def _how_good(options: RunOptions, methods: Sequence[str]) -> str:
    """How far the estimate of the time can be trusted."""
    if options.runs_on == "cuda" and GPU_METHODS & set(methods):
        return "as long as without a GPU; how much one saves is not estimated"
    selects = {"modifiers", "one_modifier", "all_modifiers"} & set(methods)
    return f"good to a factor of three{' where most targets have modifiers' if selects else ''}"


def _rounded(seconds: float) -> str:
    """Work that is not nothing does not read 0."""
    if seconds >= 10 or seconds == 0:
        return f"{seconds:.0f}"
    return f"{max(seconds, 0.1):.1f}"
