"""`knockcast plan`: what a run would do, in words or as JSON."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.cli.run import CommandOnMethods, DatasetArgument, with_options
from cluster.runs.fields import GROUPS, names_in
from cluster.text import counted, measure_in_words
from tasks.errors import BadInputError

if TYPE_CHECKING:
    from cluster.runs.planning import PlanLine
    from cluster.runs.remaining import DryRun
    from cluster.runs.request import PreparedRun, RunRequest

FORMATS = ("text", "json")


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("plan", cls=CommandOnMethods)(with_options(plan, names_in(*GROUPS)))


def plan(
    dataset: DatasetArgument,
    store: Annotated[str | None, typer.Option("--store", help="Say what of this store is reused.")] = None,
    output: Annotated[str, typer.Option("--format", help="text | json.")] = "text",
    **options: Any,
) -> None:
    """Dry run: shards, time, memory, and what would be reused. A cluster is not asked anything."""
    from cluster.runs.request import request_of

    if output not in FORMATS:
        raise BadInputError(f"--format {output}: unknown; known are {', '.join(FORMATS)}")
    request = request_of(dataset, store, **options)
    typer.echo(describe_plan(request) if output == "text" else json.dumps(plan_as_json(request), indent=2))


def describe_plan(request: "RunRequest") -> str:
    """What `run` would do with the same request, in words; see `cluster.runs.remaining.dry_run`."""
    from cluster.runs.remaining import dry_run

    made = dry_run(request)
    summary, prepared, dataset = made.summary, made.prepared, made.prepared.dataset
    names = _fold_names(prepared)
    lines = [
        f"{request.dataset}: {len(dataset.cell_lines)} cell lines x {len(dataset.genes)} genes, "
        f"{len(dataset.targets)} targets ({measure_in_words(dataset.measure)})",
        *(f"  {line.method}, {names[line.fold]}: {_line_in_words(line, made)}" for line in summary.lines),
        f"in all {counted(summary.shards, 'shard')}; about {_rounded(summary.seconds)} s on "
        f"{counted(summary.slots, 'worker')}, starting and compiling left out ({_how_good(prepared)}), "
        f"about {summary.memory_bytes / 2**30:.1f} GiB",
    ]
    return "\n".join([*lines, *prepared.notes])


def plan_as_json(request: "RunRequest") -> dict[str, Any]:
    """The same for programs. `seconds` is the estimated wall time, `core_seconds` the work on one core."""
    from cluster.runs.remaining import dry_run

    made = dry_run(request)
    summary, names = made.summary, _fold_names(made.prepared)
    return {
        "dataset": request.dataset,
        "store": request.store,
        "methods": list(request.options.methods),
        "lines": [
            {
                "method": line.method,
                "fold": line.fold,
                "name": names[line.fold],
                "wanted": line.wanted,
                "reused": line.reused,
                "quarantined": made.quarantined[line.method, line.fold],
                "shards": line.shards,
                "core_seconds": float(line.seconds),
            }
            for line in summary.lines
        ],
        "wanted": summary.wanted,
        "reused": summary.reused,
        "quarantined": len(made.remaining.quarantined),
        "shards": summary.shards,
        "slots": summary.slots,
        "core_seconds": float(summary.core_seconds),
        "seconds": summary.seconds,
        "memory_bytes": summary.memory_bytes,
        "notes": list(made.prepared.notes),
    }


def _line_in_words(line: "PlanLine", made: "DryRun") -> str:
    aside = made.quarantined[line.method, line.fold]
    parts = [
        counted(line.wanted, _noun(line.method, made.prepared)),
        f"{line.reused} reused (committed under this configuration)",
        *([f"{aside} quarantined (resume --retry-failed tries them again)"] if aside else []),
        counted(line.shards, "shard"),
        f"about {_rounded(line.seconds)} core-seconds",
    ]
    return ", ".join(parts)


def _fold_names(prepared: "PreparedRun") -> dict[int, str]:
    """How a plan calls each fold: by number, and by what it tests where that is a lineage or its twin."""
    from cluster.store.units import FINAL_FOLD

    named = prepared.options.scheme == "lineage"
    names = {f.number: f"fold {f.number}{f' ({f.name})' if named else ''}" for f in prepared.folds}
    return names | {FINAL_FOLD: "all lines (final models)"}


def _noun(method: str, prepared: "PreparedRun") -> str:
    """What the units of a method are: targets, or some of them folds as a whole, too."""
    mixed = any(unit.is_fold_level for unit in prepared.units if unit.method == method)
    return "unit" if mixed else "target"


def _how_good(prepared: "PreparedRun") -> str:
    """How far the estimate of the time can be trusted."""
    from tasks.methods.registry import method_named

    methods = [method_named(name) for name in prepared.options.methods]
    if prepared.options.runs_on == "cuda" and any(method.uses_gpu for method in methods):
        return "as long as without a GPU; how much one saves is not estimated"
    selects = any("top" in method.reads for method in methods)
    return f"good to a factor of three{' where most targets have modifiers' if selects else ''}"


def _rounded(seconds: float) -> str:
    """Work that is not nothing does not read 0."""
    if seconds >= 10 or seconds == 0:
        return f"{seconds:.0f}"
    return f"{max(seconds, 0.1):.1f}"
