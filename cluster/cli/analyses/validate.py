"""`knockcast validate`: a store's final models on another Dataset, in words and as a table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.arguments import StoreArgument
from cluster.outputs import TABLES, check_files, write_file
from tasks.errors import BadInputError, Problems

if TYPE_CHECKING:
    from cluster.store.reader import StoreReader
    from tasks.dataset.dataset import Dataset

SHOWN = 10  # targets that are printed


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("validate")(validate)


def validate(
    store: StoreArgument,
    dataset: Annotated[str, typer.Argument(metavar="DATASET2", help="Another Dataset, with other lines.")],
    method: Annotated[
        str | None, typer.Option(help="Whose final models; auto, the default, as `predict` has it.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="One row per target: .csv, .json, .parquet.")
    ] = None,
) -> None:
    """Score final models on what another Dataset measured, on the cell lines they never saw.

    The rows become the table `validation` of the store.
    """
    typer.echo(validate_in_words(store, dataset, method, out))


def validate_in_words(store: str, dataset: str, method: str | None, out: Path | None = None) -> str:
    """What `knockcast validate` prints; with `out`, the whole table goes to that file, too."""
    from cluster.formats import frame_bytes, frame_text
    from cluster.results.validate import headlines, keep_validation
    from cluster.results.validate import validate as compare_with_measured

    reader, other = _opened(store, dataset, method, out)
    made = compare_with_measured(reader, other, method)
    lines = headlines(made)
    best = made.table.drop(columns="dataset").head(SHOWN)
    lines += ["", f"The {len(best)} targets predicted best out of fold:", "", *frame_text(best).splitlines()]
    if out is not None:
        write_file("--out", out, frame_bytes(made.table, out.suffix.lstrip(".")))
        lines.append(f"{out}: one row per target")
    kept = keep_validation(reader, other, method, made)
    lines.append(kept.line() + ("; --out F keeps the rows" if kept.why_not and out is None else ""))
    return "\n".join(lines)


def _opened(store: str, dataset: str, method: str | None, out: Path | None) -> "tuple[StoreReader, Dataset]":
    """The store and the other Dataset; BadInputError with all that is wrong with what was given."""
    from cluster.results.predict import methods_asked
    from cluster.store.datasets import open_dataset
    from cluster.store.reader import StoreReader

    problems = Problems()
    if out is not None:
        problems.of(lambda: check_files("--out", out, endings=TABLES), None)
    reader = problems.of(lambda: StoreReader.open(store), None)
    other = problems.of(lambda: open_dataset(dataset), None)
    if reader is not None:
        problems.of(lambda: methods_asked(reader, method), tuple[str, ...]())
    if problems.found or reader is None or other is None:
        raise BadInputError(problems.found)
    return reader, other
