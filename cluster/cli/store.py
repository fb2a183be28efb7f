"""`knockcast status`, `verify`, `gc`, `query`, `gene`, `compare`, `figures` and `predict`."""

from pathlib import Path
from typing import Annotated

import typer

from tasks.errors import BadInputError

StoreArgument = Annotated[str, typer.Argument(help="A store's folder.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("status")(status)
    app.command("verify")(verify)
    app.command("gc")(gc)
    app.command("query")(query)
    app.command("gene")(gene)
    app.command("compare")(compare)
    app.command("figures")(figures)
    app.command("predict")(predict)


def status(store: StoreArgument) -> None:
    """What is done, what is left, what failed and why."""
    from cluster.cli.store_actions import show_status

    show_status(store)


def verify(
    store: StoreArgument,
    repair: Annotated[bool, typer.Option("--repair", help="Move bad commits aside; delete nothing.")] = False,
) -> None:
    """Check every committed byte against its recorded sha256."""
    from cluster.cli.store_actions import verify_store

    raise typer.Exit(verify_store(store, repair))


def gc(store: StoreArgument) -> None:
    """Remove files of attempts whose work another attempt has committed."""
    from cluster.cli.store_actions import collect_garbage

    collect_garbage(store)


def query(
    store: StoreArgument,
    sql: Annotated[str, typer.Argument(help="One SELECT; or DESCRIBE scores, SHOW TABLES.")],
    output: Annotated[str, typer.Option("--format", help="table | csv | json | parquet.")] = "table",
    out: Annotated[Path | None, typer.Option("--out", help="Write to this file instead.")] = None,
) -> None:
    """Query a store's tables with SQL."""
    from cluster.cli.store_actions import run_query

    run_query(store, sql, output, out)


def gene(store: StoreArgument, gene: Annotated[str, typer.Argument(help="A target's name.")]) -> None:
    """Everything the store knows of one target."""
    from cluster.cli.store_actions import show_gene

    show_gene(store, gene)


def compare(
    store: StoreArgument,
    first: Annotated[str, typer.Argument(help="A method of this store, or OTHER_STORE:method.")],
    second: Annotated[str, typer.Argument(help="What it is compared with, likewise.")],
    targets: Annotated[
        str | None, typer.Option(help="Also these alone: G1,G2 or @FILE with one a line.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="One row per target (of --targets, if given): .csv, .json, .parquet."),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option("--figure", help="The scatter, --targets marked: .html.")
    ] = None,
) -> None:
    """Two methods on the same folds, target by target: counts, mean difference, paired tests."""
    from cluster.cli.compare_actions import compare_in_words

    typer.echo(compare_in_words(store, first, second, targets, out, figure))


def figures(
    store: StoreArgument,
    out: Annotated[Path, typer.Option("--out", help="The folder to write NAME.html and NAME.csv into.")],
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="classes | components | drugs | histogram | profiles. Default: all the store has data for.",
        ),
    ] = None,
) -> None:
    """Figures of a store, each a page that works offline and the numbers it shows."""
    from cluster.cli.figure_actions import write_figures

    typer.echo(write_figures(store, name, out))


def predict(
    store: StoreArgument,
    expression: Annotated[Path, typer.Argument(help="Samples x genes, log2(TPM+1): CSV, TSV or Parquet.")],
    out: Annotated[Path, typer.Option("--out", help="Samples x targets, .csv or .parquet.")],
    method: Annotated[
        str | None,
        typer.Option(
            help="Whose final models: modifiers | ridge | kernel | latent | plain; drugs ranks drugs. "
            "Default: modifiers, or the only."
        ),
    ] = None,
    higher_is_sensitive: Annotated[
        bool,
        typer.Option(
            "--higher-is-sensitive",
            help="Of method drugs: a high response means a sensitive line (an activity area; not an AUC).",
        ),
    ] = False,
) -> None:
    """Score new samples with the final models; beside them: each target's trust, the missing genes."""
    if method == "drugs":
        from cluster.results.rank_drugs import rank_file

        typer.echo(rank_file(store, expression, out, higher_is_sensitive))
        return
    if higher_is_sensitive:
        raise BadInputError("--higher-is-sensitive: only with --method drugs")
    from cluster.results.predict import predict_file

    typer.echo(predict_file(store, expression, out, method))
