"""`knockcast run`, `resume` and `submit`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cluster.cli.options import CommandOnMethods, with_options
from cluster.runs.fields import GROUPS, WHERE, names_in

DatasetArgument = Annotated[Path, typer.Argument(help="A Dataset made by `knockcast import`.")]
StoreArgument = Annotated[str, typer.Argument(help="A store's folder.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("run", cls=CommandOnMethods)(with_options(run_command, names_in(*GROUPS)))
    app.command("resume")(with_options(resume_command, names_in(WHERE)))
    passing_on = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command("submit", context_settings=passing_on)(with_options(submit, ["insecure"]))


def run_command(
    dataset: DatasetArgument,
    store: Annotated[str, typer.Option("--store", help="The store's folder; made if it does not exist.")],
    **options: Any,
) -> None:
    """Model every target in every fold and commit the results to a store."""
    from cluster.execution.run import run_request
    from cluster.runs.request import request_of

    raise typer.Exit(run_request(request_of(dataset, store, **options)).exit_code)


def resume_command(
    store: StoreArgument,
    dataset: Annotated[
        Path | None, typer.Option("--dataset", help="Where the dataset is now, if it moved.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try quarantined targets again.")
    ] = False,
    **where: Any,
) -> None:
    """Do what is left of a store's runs; nothing is done twice."""
    from cluster.execution.run import resume_store

    raise typer.Exit(resume_store(store, dataset, retry_failed, **where).exit_code)


def submit(
    ctx: typer.Context,
    address: Annotated[str, typer.Option("--address", help="The cluster's jobs address, http://HOST:8265.")],
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Show the job's output to its end.")
    ] = True,
    logs: Annotated[str | None, typer.Option("--logs", help="Show this job's output and end.")] = None,
    stop: Annotated[str | None, typer.Option("--stop", help="Stop this job; it can be resumed.")] = None,
    **options: Any,
) -> None:
    """Run a knockcast command as a Ray job: submit --address URL -- run DATASET --store STORE ..."""
    from cluster.ray_engine.submit import submit_command

    raise typer.Exit(submit_command(address, ctx.args, follow, logs, stop, options["insecure"]))
