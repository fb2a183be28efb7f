"""`knockcast plan`, `run`, `resume` and `submit`."""

from pathlib import Path
from typing import Annotated

import typer

Dataset = Annotated[Path, typer.Argument(help="A Dataset made by `knockcast import`.")]
StoreOption = Annotated[str, typer.Option("--store", help="The store's folder; made if it does not exist.")]
StoreArgument = Annotated[str, typer.Argument(help="A store's folder.")]
Method = Annotated[
    list[str],
    typer.Option(
        "--method",
        help="modifiers | ridge | kernel | forest | latent | plain | profiles | drugs | one_modifier | "
        "all_modifiers. Repeatable.",
    ),
]
Preset = Annotated[str, typer.Option(help="quick | published, or candidates by name: ols,knn.")]
Targets = Annotated[str, typer.Option(help="all | variable (sd > 0.1) | G1,G2 | @FILE with one a line.")]
Scheme = Annotated[str, typer.Option(help="kfold | split (75/25) | lineage (each with 40 or more lines).")]
Folds = Annotated[int, typer.Option(help="Folds of scheme kfold.")]
Seed = Annotated[int, typer.Option(help="Every random choice follows from it.")]
Top = Annotated[int, typer.Option(help="Modifiers kept by each of the three tests, at most.")]
Fdr = Annotated[float, typer.Option(help="Benjamini-Hochberg threshold of each test.")]
Redundancy = Annotated[
    float | None, typer.Option(help="Drop a modifier whose |r| with a chosen one reaches this.")
]
SearchArchitecture = Annotated[
    bool,
    typer.Option(
        "--search-architecture",
        help="Of methods latent and plain: try up to 12 architectures on the first fold, keep the best in "
        "all. Not nested: that fold's training lines are other folds' test lines.",
    ),
]
NestedSearch = Annotated[
    bool,
    typer.Option("--nested-search", help="The same in every fold, on its own training lines."),
]
LikeTheCode = Annotated[
    bool,
    typer.Option(
        "--like-the-code", help="Select as the published code: no FDR, mean split, redundancy 0.95."
    ),
]
Stratified = Annotated[
    bool,
    typer.Option("--stratified", help="Quantile-stratified folds of each target's own; forest alone."),
]
Device = Annotated[str, typer.Option(help="auto: cuda where torch sees a GPU here | cpu | cuda.")]
ShardSize = Annotated[int | None, typer.Option(min=1, help="Targets a shard; estimated if not given.")]
Address = Annotated[str, typer.Option(help="local | auto | HOST:PORT of a Ray cluster.")]
Workers = Annotated[
    int | None, typer.Option(min=0, help="Ray workers; 0 runs in process without Ray. Default: all cores.")
]
Final = Annotated[bool, typer.Option("--final/--no-final", help="Also fit on all lines, for predict.")]
Insecure = Annotated[bool, typer.Option("--insecure", help="Allow a non-loopback address without a token.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("plan")(plan)
    app.command("run")(run_command)
    app.command("resume")(resume_command)
    app.command("submit", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(submit)


def plan(
    dataset: Dataset,
    store: Annotated[str | None, typer.Option("--store", help="Say what of this store is reused.")] = None,
    method: Method = ["modifiers"],  # noqa: B006 - typer reads the default, nobody changes it
    preset: Preset = "quick",
    targets: Targets = "all",
    scheme: Scheme = "kfold",
    folds: Folds = 5,
    seed: Seed = 0,
    top: Top = 20,
    fdr: Fdr = 0.05,
    redundancy: Redundancy = None,
    like_the_code: LikeTheCode = False,
    search_architecture: SearchArchitecture = False,
    nested_search: NestedSearch = False,
    device: Device = "auto",
    stratified: Stratified = False,
    shard_size: ShardSize = None,
    address: Address = "local",
    workers: Workers = None,
    final: Final = True,
) -> None:
    """Dry run: shards, time, memory, and what would be reused. A cluster is not asked anything."""
    from cluster.cli.described_plan import describe_plan
    from cluster.runs.run import Request

    options = _options(
        preset, scheme, folds, seed, top, fdr, redundancy, like_the_code, device, stratified
    ) | {"search_architecture": search_architecture, "nested_search": nested_search}
    request = Request(
        dataset, store, tuple(method), targets, final, options, shard_size, address, workers=workers
    )
    typer.echo(describe_plan(request))


def run_command(
    dataset: Dataset,
    store: StoreOption,
    method: Method = ["modifiers"],  # noqa: B006 - typer reads the default, nobody changes it
    preset: Preset = "quick",
    targets: Targets = "all",
    scheme: Scheme = "kfold",
    folds: Folds = 5,
    seed: Seed = 0,
    top: Top = 20,
    fdr: Fdr = 0.05,
    redundancy: Redundancy = None,
    like_the_code: LikeTheCode = False,
    search_architecture: SearchArchitecture = False,
    nested_search: NestedSearch = False,
    device: Device = "auto",
    stratified: Stratified = False,
    shard_size: ShardSize = None,
    address: Address = "local",
    workers: Workers = None,
    final: Final = True,
    insecure: Insecure = False,
) -> None:
    """Model every target in every fold and commit the results to a store."""
    from cluster.runs.run import Request, run_request

    options = _options(
        preset, scheme, folds, seed, top, fdr, redundancy, like_the_code, device, stratified
    ) | {"search_architecture": search_architecture, "nested_search": nested_search}
    request = Request(
        dataset, store, tuple(method), targets, final, options, shard_size, address, workers, insecure
    )
    raise typer.Exit(run_request(request).exit_code)


def resume_command(
    store: StoreArgument,
    dataset: Annotated[Path | None, typer.Option(help="Where the dataset is now, if it moved.")] = None,
    address: Address = "local",
    workers: Workers = None,
    shard_size: ShardSize = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try quarantined targets again.")
    ] = False,
    insecure: Insecure = False,
) -> None:
    """Do what is left of a store's runs; nothing is done twice."""
    from cluster.runs.run import resume_store

    outcome = resume_store(store, dataset, address, workers, shard_size, retry_failed, insecure)
    raise typer.Exit(outcome.exit_code)


def submit(
    ctx: typer.Context,
    address: Annotated[str, typer.Option(help="The cluster's jobs address, http://HOST:8265.")],
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Show the job's output to its end.")
    ] = True,
    logs: Annotated[str | None, typer.Option(help="Show this job's output and end.")] = None,
    stop: Annotated[str | None, typer.Option(help="Stop this job; it can be resumed.")] = None,
    insecure: Insecure = False,
) -> None:
    """Run a knockcast command as a Ray job: submit --address URL -- run DATASET --store STORE ..."""
    from cluster.ray_engine.submit import submit_command

    raise typer.Exit(submit_command(address, ctx.args, follow, logs, stop, insecure))


def _options(
    preset: str,
    scheme: str,
    folds: int,
    seed: int,
    top: int,
    fdr: float,
    redundancy: float | None,
    like_the_code: bool,
    device: str,
    stratified: bool,
) -> dict[str, object]:
    return {
        "preset": preset,
        "scheme": scheme,
        "folds": folds,
        "seed": seed,
        "top": top,
        "fdr": fdr,
        "redundancy": redundancy,
        "like_the_code": like_the_code,
        "device": device,
        "stratified": stratified,
    }
