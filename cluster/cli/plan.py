"""`knockcast plan`: what a run would do, in words or as JSON."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.cli.run import CommandOnMethods, DatasetArgument, with_options
from cluster.runs.fields import GROUPS, names_in
from cluster.text import counted, measure_in_words
from tasks.errors import BadInputError, Problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cluster.runs.planning import PlanLine, PlanSummary
    from cluster.runs.remaining import DryRun
    from cluster.runs.request import PreparedRun, RunRequest

FORMATS = ("text", "json")
SHORT_SECONDS = 10  # a run so short takes what its parts happen to take


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("plan", cls=CommandOnMethods)(with_options(plan, names_in(*GROUPS)))


def plan(
    dataset: DatasetArgument,
    store: Annotated[str | None, typer.Option("--store", help="Say what of this store is reused.")] = None,
    output: Annotated[str, typer.Option("--format", help="text | json.")] = "text",
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate",
            help="Measure it: half a minute of work where the run would be (--workers, --address). "
            "A --store, begun if it does not exist, keeps what was measured.",
        ),
    ] = False,
    price: Annotated[float | None, typer.Option("--price", help="What one node costs an hour.")] = None,
    node_cores: Annotated[
        int | None, typer.Option("--node-cores", help="Cores of a node; says how many nodes there are.")
    ] = None,
    **options: Any,
) -> None:
    """Dry run: shards, time, memory, price, and what would be reused. Asks a cluster if you --calibrate."""
    from cluster.runs.remaining import dry_run
    from cluster.runs.request import request_of

    problems = Problems(_wrong(output, price, node_cores))
    request = problems.of(lambda: request_of(dataset, store, **options), None)
    if request is None or problems.found:
        raise BadInputError(problems.found)
    if calibrate:
        where = "here" if request.options.is_here else "on the cluster, once its nodes are there"
        typer.echo(f"measuring {where}: about half a minute, and compiling at first", err=True)
    made = dry_run(request, calibrate, node_cores)
    if output == "json":
        typer.echo(json.dumps(plan_as_json(request, made, price), indent=2))
    else:
        typer.echo(describe_plan(request, made, price))


def _wrong(output: str, price: float | None, node_cores: int | None) -> list[str]:
    problems = []
    if output not in FORMATS:
        problems.append(f"--format {output}: unknown; known are {', '.join(FORMATS)}")
    if price is not None and not 0 <= price < float("inf"):
        problems.append(f"--price {price}: expected a number that is not negative")
    if node_cores is not None and node_cores < 1:
        problems.append(f"--node-cores {node_cores}: expected 1 or more")
    return problems


def describe_plan(request: "RunRequest", made: "DryRun | None" = None, price: float | None = None) -> str:
    """What `run` would do with the same request, in words; see `cluster.runs.remaining.dry_run`.

    `made` is a dry run of the request, if there is one; `price` that of a node-hour.
    """
    from cluster.runs.remaining import dry_run

    made = made or dry_run(request)
    summary, prepared, dataset = made.summary, made.prepared, made.prepared.dataset
    names = _fold_names(prepared)
    lines = [
        f"{request.dataset}: {len(dataset.cell_lines)} cell lines x {len(dataset.genes)} genes, "
        f"{len(dataset.targets)} targets ({measure_in_words(dataset.measure)})",
        *(f"  {line.method}, {names[line.fold]}: {_line_in_words(line, made)}" for line in summary.lines),
        *_by_method(summary),
        f"in all {counted(summary.shards, 'shard')}; about {_rounded(summary.seconds)} s on "
        f"{counted(summary.slots, 'worker')}, starting and compiling left out "
        f"({_how_good(prepared, summary.seconds)}), "
        f"about {summary.memory_bytes / 2**30:.1f} GiB{' a node' if summary.nodes > 1 else ''}",
    ]
    if price is not None:
        hours = counted(summary.nodes, "node")
        about = _rounded_price(_price(summary, price))
        lines.append(f"price: about {about} ({hours} for {summary.seconds / 3600:.2g} h)")
    return "\n".join([*lines, *prepared.notes])


def plan_as_json(
    request: "RunRequest", made: "DryRun | None" = None, price: float | None = None
) -> dict[str, Any]:
    """The same for programs. `seconds` is the estimated wall time, `core_seconds` the work on one core.

    `measured` has, by method, how many times as long as estimated without `--calibrate` its work takes;
    `memory_bytes` is that of a node, `price` in the unit of `--price`.
    """
    from cluster.runs.remaining import dry_run

    made = made or dry_run(request)
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
        "nodes": summary.nodes,
        "price": None if price is None else _price(summary, price),
        "measured": {name: asdict(each) for name, each in made.prepared.factors.items()},
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


def _by_method(summary: "PlanSummary") -> list[str]:
    """The work of each method, all its folds together; nothing where there is one line a method already."""
    work: dict[str, float] = {}
    for line in summary.lines:
        work[line.method] = work.get(line.method, 0.0) + line.seconds
    if len(summary.lines) == len(work):
        return []
    return [f"{name}: {_rounded(seconds)} core-seconds for all folds" for name, seconds in work.items()]


def _price(summary: "PlanSummary", price: float) -> float:
    """Of all nodes for the time that the run takes, at so much a node-hour."""
    return summary.nodes * summary.seconds / 3600 * price


def _rounded_price(price: float) -> str:
    """Cents, where there are any; no more digits than an estimate has."""
    return f"{price:.2f}" if 0.01 <= price < 1e6 or price == 0 else f"{price:.2g}"


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


def _how_good(prepared: "PreparedRun", seconds: float) -> str:
    """How far the estimate of the time can be trusted."""
    from tasks.methods.registry import method_named

    methods = [method_named(name) for name in prepared.options.methods]
    if prepared.options.runs_on == "cuda" and any(method.uses_gpu for method in methods):
        return "as long as without a GPU; how much one saves is not estimated"
    if prepared.factors:
        left = [name for name in prepared.options.methods if name not in prepared.factors]
        if any(method.trial_share < 1 for method in methods):
            left.append("how long networks train")
        good = "good to a factor of 1.5" if seconds >= SHORT_SECONDS else "for so short a run a guess"
        return f"measured{f' but for {_and(left)}' if left else ''}; {good}"
    selects = any("top" in method.reads for method in methods)
    return (
        f"good to a factor of three{' where most targets have modifiers' if selects else ''}; "
        "--calibrate measures it"
    )


def _and(names: "Sequence[str]") -> str:
    return " and ".join(names)


def _rounded(seconds: float) -> str:
    """Work that is not nothing does not read 0."""
    if seconds >= 10 or seconds == 0:
        return f"{seconds:.0f}"
    return f"{max(seconds, 0.1):.1f}"
