"""`knockcast query`: a store's tables by SQL; and the best-predicted targets, as `demo` prints them."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.arguments import StoreArgument
from cluster.outputs import check_files, replacing
from tasks.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

    from cluster.views.query import Answer

BEST = ("pearson_low", "pearson_high", "q_value", "gain")  # of `genes`, beside each method's pooled r
BARS = (0.2, 0.4)  # the r that targets are counted above


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("query")(query)


def query(
    store: StoreArgument,
    sql: Annotated[str, typer.Argument(help="One SELECT; or DESCRIBE scores, SHOW TABLES.")],
    output: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="table | csv | json | parquet. Default: as --out ends, else table, of which the first rows "
            "are shown.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write to this file instead, of any size.")
    ] = None,
    time_limit: Annotated[
        float, typer.Option("--time-limit", help="Seconds after which the query is ended.")
    ] = 300.0,
) -> None:
    """Query a store's tables with SQL."""
    run_query(store, sql, output, out, time_limit)


def run_query(store: str, sql: str, output: str | None, out: Path | None, time_limit: float) -> None:
    """Print a query's result, or write it to a file."""
    from cluster.formats import KINDS, write_batches
    from cluster.store.reader import StoreReader
    from cluster.views.query import streamed

    ending = out.suffix.lstrip(".") if out is not None else ""
    kind = output or (ending if ending in KINDS else "table")
    if kind not in KINDS:
        raise BadInputError(f"--format {kind}: unknown; known are {', '.join(KINDS)}")
    if kind == "parquet" and out is None:
        raise BadInputError("--format parquet: a file is needed; give --out FILE")
    if out is not None:
        check_files("--out", out)
    with streamed(StoreReader.open(store), sql, time_limit, is_own_process=True) as answer:
        if out is not None:
            with replacing("--out", out) as sink:
                if kind == "table":
                    sink.write(_whole_text(answer).encode())
                else:
                    write_batches(sink, kind, answer.schema, answer.batches)
        elif kind == "table":
            _show(answer)
        else:
            write_batches(sys.stdout.buffer, kind, answer.schema, answer.batches)


def _show(answer: "Answer") -> None:
    """Print the first rows, and say where there are more; a description as wide as the terminal."""
    import pyarrow as pa

    from cluster.formats import beginning, wrapped

    if answer.is_description:
        table = pa.Table.from_batches(answer.batches, answer.schema)
        sys.stdout.write(wrapped(table, shutil.get_terminal_size((100, 0)).columns))
        return
    text, shown, is_more = beginning(answer.schema, answer.batches)
    sys.stdout.write(text)
    sys.stdout.flush()
    if is_more:
        print(f"{shown} rows shown of more; --out FILE.csv (.json, .parquet) writes all", file=sys.stderr)


def _whole_text(answer: "Answer") -> str:
    """All rows as text; BadInputError where they are more than a person reads."""
    from cluster.formats import beginning

    text, shown, is_more = beginning(answer.schema, answer.batches)
    if is_more:
        raise BadInputError(
            f"--out: a table for people has at most {shown} of these rows: "
            "name a file FILE.csv, .json or .parquet"
        )
    return text


def print_best(genes: "pd.DataFrame", count: int) -> None:
    """Print the best-predicted targets of the table `genes`, and how well each method does on all."""
    from cluster.formats import frame_text

    best = best_targets(genes, count)
    print(
        f"\nThe {len(best)} best-predicted targets: r between measured and predicted on held-out cell lines"
    )
    several = genes["method"].nunique() > 1
    print(f"by each method{', then interval, q and gain of the better one' if several else ''}:\n")
    print(frame_text(best), end="")
    print("\nOver all targets, a target's r being its mean over the folds, 0 without any:\n")
    print(frame_text(method_means(genes)), end="")


def best_targets(genes: "pd.DataFrame", count: int) -> "pd.DataFrame":
    """The targets with the highest pooled r by any method, best first, one row each.

    Columns: target, each method's pooled r (named by the method), `BEST` of the method whose r is highest.
    """
    ranked = genes.sort_values("pearson_pooled", ascending=False, kind="stable")
    better = ranked.drop_duplicates("target").head(count)
    pooled = genes.pivot(index="target", columns="method", values="pearson_pooled")
    return better[["target"]].join(pooled, on="target").join(better[list(BEST)]).reset_index(drop=True)


def method_means(genes: "pd.DataFrame") -> "pd.DataFrame":
    """One row per method: its targets, the mean of their r, how many are above each of `BARS`."""
    import pandas as pd

    r = genes.assign(pearson=genes["pearson"].fillna(0)).pivot(
        index="target", columns="method", values="pearson"
    )
    means = {"method": r.columns, "targets": r.count(), "mean r": r.mean()}
    return pd.DataFrame(means | {f"r > {bar}": (r > bar).sum() for bar in BARS})
