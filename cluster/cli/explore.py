"""`knockcast explore`: the web app over a store."""

from pathlib import Path
from typing import Annotated

import typer

from cluster.arguments import StoreArgument
from tasks.errors import BadInputError

INSTALL = "pip install 'knockcast[explore]'"


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("explore")(explore)


def explore(
    store: StoreArgument,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", help="Listen at this port of this machine; default: 8050, or one that is free."
        ),
    ] = None,
    forecast: Annotated[
        Path | None,
        typer.Option(
            "--forecast", help="A file that `predict` wrote: its samples become pages, with their fit."
        ),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(
            "--groups",
            help="The group of each of these samples (cohort, tissue, ...), as `tissues` takes it: .csv, "
            ".tsv, .parquet.",
        ),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="The column of groups. Default: group, cohort, tissue, ...")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache", help="Where to keep what is computed once for a store; default: the user's cache."
        ),
    ] = None,
) -> None:
    """Open a store in the browser: all genes, a page for each, methods, run. Ctrl-C ends it."""
    open_explorer(store, port, forecast, cache, groups, by)


def open_explorer(
    store: str,
    port: int | None,
    forecast: Path | None,
    cache: Path | None,
    groups: Path | None = None,
    by: str | None = None,
) -> None:
    """Serve until Ctrl-C. BadInputError where the optional packages are not installed."""
    try:
        from cluster.explorer.web.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("dash", "dash_ag_grid", "flask", "werkzeug"):
            raise
        raise BadInputError(
            f"knockcast explore needs {error.name}, which is not installed: {INSTALL}"
        ) from None
    serve(store, port, lambda line: print(line, flush=True), cache, forecast, groups, by)
