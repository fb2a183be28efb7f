"""`knockcast import`, `simulate` and `demo`."""

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Option("--out", help="The folder to write; it must not exist.")]
File = typer.Option(help="A named file; it wins over the release folder's.")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("import")(import_command)
    app.command("simulate")(simulate)
    app.command("demo")(demo)


def import_command(
    out: Out,
    source: Annotated[Path | None, typer.Argument(help="A release folder.")] = None,
    effect: Annotated[Path | None, File] = None,
    expression: Annotated[Path | None, File] = None,
    models: Annotated[Path | None, File] = None,
    drug_response: Annotated[Path | None, File] = None,
    drug_targets: Annotated[Path | None, File] = None,
    measure: Annotated[
        str | None, typer.Option(help="effect, dependency or level; guessed from the values if not given.")
    ] = None,
    min_coverage: Annotated[
        float, typer.Option(help="Set aside genes known on fewer of the shared cell lines.")
    ] = 0.9,
) -> None:
    """Read a DepMap release, or named matrices, into a Dataset."""
    from cluster.cli.data_actions import import_dataset

    import_dataset(
        source,
        out,
        effect=effect,
        expression=expression,
        models=models,
        drug_response=drug_response,
        drug_targets=drug_targets,
        measure=measure,
        min_coverage=min_coverage,
    )


def simulate(
    out: Out,
    cell_lines: Annotated[int, typer.Option(help="Cell lines with expression.")] = 600,
    genes: Annotated[int, typer.Option(help="Genes.")] = 2000,
    layout: Annotated[str, typer.Option(help="22Q2, 24Q4 or 25Q3.")] = "24Q4",
    seed: int = 0,
) -> None:
    """Write a simulated release in DepMap's own file layout, with the planted truth beside it."""
    from cluster.cli.data_actions import simulate_files

    simulate_files(out, cell_lines=cell_lines, genes=genes, layout=layout, seed=seed)


def demo(
    out: Annotated[Path, typer.Option("--out", help="Where the demo lives; run again to resume it.")] = Path(
        "knockcast-demo"
    ),
    workers: Annotated[int | None, typer.Option(help="Ray workers; 0 runs in process.")] = None,
) -> None:
    """Simulate a release, model it on Ray and show the best-predicted genes."""
    from cluster.cli.data_actions import run_demo

    raise typer.Exit(run_demo(out, workers))
