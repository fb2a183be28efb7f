"""`knockcast import` and `simulate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.arguments import GeneIdsOption
from cluster.outputs import check_folder
from cluster.text import measure_in_words

if TYPE_CHECKING:
    from tasks.dataset.dataset import Dataset

Out = Annotated[Path, typer.Option("--out", help="The folder to write; it must not exist.")]
DatasetOut = Annotated[
    str, typer.Option("--out", help="The folder to write, or s3://BUCKET/PREFIX; it must not exist.")
]
File = typer.Option(help="A named file; it wins over the release folder's.")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("import")(import_command)
    app.command("simulate")(simulate)


def import_command(
    out: DatasetOut,
    source: Annotated[Path | None, typer.Argument(help="A release folder.")] = None,
    effect: Annotated[Path | None, File] = None,
    expression: Annotated[Path | None, File] = None,
    models: Annotated[Path | None, File] = None,
    drug_response: Annotated[Path | None, File] = None,
    drug_targets: Annotated[Path | None, File] = None,
    drug_value: Annotated[
        str | None,
        typer.Option(help="Of a drug response as a long table, the column of values: AUC if not given."),
    ] = None,
    mutations: Annotated[
        list[Path] | None, typer.Option(help="Mutations; may be given twice, damaging and hotspot by name.")
    ] = None,
    copy_number: Annotated[Path | None, File] = None,
    protein: Annotated[Path | None, File] = None,
    covariates: Annotated[
        Path | None, typer.Option(help="Numbers and words by cell line: screen quality, sex, growth.")
    ] = None,
    gene_ids: GeneIdsOption = None,
    measure: Annotated[
        str | None, typer.Option(help="effect, dependency or level; guessed from the values if not given.")
    ] = None,
    min_coverage: Annotated[
        float, typer.Option(help="Set aside genes known on fewer of the shared cell lines.")
    ] = 0.9,
) -> None:
    """Read a DepMap release, or named matrices, into a Dataset."""
    import_dataset(
        source,
        out,
        effect=effect,
        expression=expression,
        models=models,
        drug_response=drug_response,
        drug_targets=drug_targets,
        drug_value=drug_value,
        mutations=mutations or (),
        copy_number=copy_number,
        protein=protein,
        covariates=covariates,
        gene_ids=gene_ids,
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
    simulate_files(out, cell_lines=cell_lines, genes=genes, layout=layout, seed=seed)


def import_dataset(source: Path | None, out: str | Path, **named: Any) -> None:
    """Import a release; print what is in the Dataset and what was set aside."""
    from cluster.store.datasets import new_dataset
    from tasks.importing.importer import import_release

    with new_dataset(out) as folder:
        check_folder("--out", folder)
        dataset = import_release(source, out=folder, **named)
        _describe(dataset, str(out))


def simulate_files(out: Path, **options: Any) -> None:
    """Write a simulated release and say where."""
    from tasks.simulation.simulate import simulate_release

    check_folder("--out", out)
    simulate_release(out, **options)
    print(f"{out}: {', '.join(sorted(path.name for path in out.iterdir()))}")


def _describe(dataset: "Dataset", place: str) -> None:
    from tasks.importing.importer import WARNINGS

    print(
        f"{place}: {len(dataset.cell_lines)} cell lines x {len(dataset.genes)} genes (expression), "
        f"{len(dataset.targets)} targets ({measure_in_words(dataset.measure)})"
    )
    for what, details in dataset.report.items():
        if details and what != WARNINGS:
            print(f"  {what}: {_short(details)}")
    for warning in dataset.report.get(WARNINGS, ()):
        print(f"WARNING: {warning}")


def _short(details: Any) -> str:
    """A report's entry in one line; the whole of it stays in the Dataset."""
    if not isinstance(details, list):
        return str(details)
    shown = ", ".join(map(str, details[:5]))
    return f"{len(details)}: {shown}{', ...' if len(details) > 5 else ''}"
