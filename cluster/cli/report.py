"""`knockcast report`: a whole run on one page."""

from pathlib import Path
from typing import Annotated

import typer

from cluster.arguments import StoreArgument
from cluster.outputs import check_files, write_file


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("report")(report)


def report(
    store: StoreArgument,
    out: Annotated[Path, typer.Option("--out", help="The page to write: .html.")],
) -> None:
    """One HTML file on a whole run: counts, figures, best targets, controls, failures, limits."""
    typer.echo(write_report(store, out))


def write_report(store: str, out: Path) -> str:
    """Write the report of a store; returns what is printed. BadInputError where it cannot be written."""
    from cluster.cli.explain import knockcast_version
    from cluster.figures.registry import FIGURES, genes_of
    from cluster.pages.report import report_html
    from cluster.results.report import report_of
    from cluster.store.reader import StoreReader

    check_files("--out", out, endings=(".html",))
    reader = StoreReader.open(store)
    made = report_of(reader, genes_of(reader))
    drawn = {name: kind.draw(reader) for name, kind in FIGURES.items()}
    write_file("--out", out, report_html(made, drawn, store, knockcast_version()))
    missing = [name for name, one in drawn.items() if one is None]
    return "\n".join([str(out), *(f"left out: {name}: needs {FIGURES[name].requires}" for name in missing)])
