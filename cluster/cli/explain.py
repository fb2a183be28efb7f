"""`knockcast explain`: what carries one gene's predictions, in words, and as a page with its figures."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.arguments import StoreArgument
from cluster.outputs import cannot_write, check_folder

if TYPE_CHECKING:
    import pandas as pd

    from cluster.results.explain import GeneExplanation

LINEAGES = 8  # that are printed
MODIFIERS = 10


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("explain")(explain)


def explain(
    store: StoreArgument,
    gene: Annotated[str, typer.Argument(help="A target's name.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Also write GENE.html, a page with every figure, and the figures' numbers."
        ),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Where the run's Dataset is now, if it was moved.")
    ] = None,
) -> None:
    """What carries one gene's predictions: modifiers, weights per lineage, a tree, errors by lineage."""
    typer.echo(explain_in_words(store, gene, out, dataset))


def explain_in_words(store: str, gene: str, out: Path | None = None, dataset: str | None = None) -> str:
    """What `knockcast explain` prints; with `out`, the page and the numbers go into that folder."""
    from cluster.results.explain import explain_gene
    from cluster.store.reader import StoreReader

    if out is not None:
        check_folder("--out", out)
    made = explain_gene(StoreReader.open(store), gene, dataset)
    lines = [made.target, "", *_verdict(made), *_words(made)]
    if out is not None:
        lines += ["", *map(str, write_page(made, store, out))]
    else:
        lines += ["", f"--out DIR writes these and {_figures()} as one page that works offline"]
    return "\n".join(lines)


def write_page(made: "GeneExplanation", store: str, out: Path) -> list[Path]:
    """Write GENE.html and a GENE.FIGURE.csv for every figure; returns the paths, the page first."""
    from cluster.formats import frame_bytes
    from cluster.pages.gene import draw_all, gene_page_html

    drawn = draw_all(made)
    name = file_name(made.target)
    files = {f"{name}.html": gene_page_html(made, drawn, store, knockcast_version())}
    files |= {f"{name}.{kind}.csv": frame_bytes(one.numbers, "csv") for kind, one in drawn.items() if one}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path, data in files.items():
            (out / path).write_bytes(data)
    except OSError as error:
        raise cannot_write("--out", out, error) from None
    return [out / path for path in files]


def file_name(target: str) -> str:
    """A gene's name as part of a file's: letters, digits, - and _; others become _."""
    return re.sub(r"[^\w-]", "_", target)[:80] or "_"


def knockcast_version() -> str:
    """The installed version, in words where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("knockcast")
    except PackageNotFoundError:
        return "from its sources"


def _figures() -> str:
    from cluster.figures.gene.registry import PANELS

    return f"{len(PANELS)} figures"


def _verdict(made: "GeneExplanation") -> list[str]:
    """The three sentences of `knockcast gene`."""
    import textwrap

    from tasks.analyses.answer.wording import sentences

    return [line for sentence in sentences(made.page.verdict) for line in textwrap.wrap(sentence, 100)]


def _words(made: "GeneExplanation") -> list[str]:
    parts = [
        ("how well each model predicts lines it has not seen (train: lines it has seen)", _models(made)),
        (f"modifiers of method {made.modifiers_of}, most often chosen first", _modifiers(made)),
        (
            "linear weights (effect per sd of expression), all lines and the lineages that differ most",
            _weights(made),
        ),
        ("error by lineage, largest median first", _errors(made)),
    ]
    lines: list[str] = []
    for heading, frame in parts:
        if len(frame):
            lines += ["", heading, *_text(frame)]
    if made.explanation.tree is not None and len(made.explanation.tree) > 1:
        lines += ["", "a tree of depth 4 on the modifiers (lines with at most that log2(TPM+1) first)"]
        lines += _tree(made.explanation.tree)
    return [*lines, *(["", *made.notes] if made.notes else [])]


def _models(made: "GeneExplanation") -> "pd.DataFrame":
    import pandas as pd

    from tasks.analyses.explanation.fits import TEST, TRAIN

    scores = made.explanation.fit_scores
    methods = made.scores.assign(model="method " + made.scores["model"])
    every = pd.concat([scores, methods], ignore_index=True)
    test = every[every["part"] == TEST].set_index("model")
    train = every[every["part"] == TRAIN].set_index("model")["pearson"]
    return test[["n", "pearson", "low", "high", "rmse"]].assign(train=train).round(3).reset_index()


def _modifiers(made: "GeneExplanation") -> "pd.DataFrame":
    from cluster.pages.gene import modifiers_table

    return modifiers_table(made).head(MODIFIERS).round(3)


def _weights(made: "GeneExplanation") -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    from tasks.analyses.explanation.models import ALL

    found = made.explanation.weights
    if found is None or found.table.empty:
        return pd.DataFrame()
    grid = found.table.pivot(index=["lineage", "n"], columns="gene", values="weight").dropna()
    pooled = grid.xs(ALL, level="lineage").iloc[0]
    genes = pooled.abs().sort_values(ascending=False, kind="stable").index[:5]
    distance = np.sqrt(((grid - pooled) ** 2).sum(axis=1))
    if np.isinf(found.penalty):
        grid = grid[distance == 0].head(1)
    order = distance.loc[grid.index].sort_values(ascending=False, kind="stable").index[: LINEAGES - 2]
    rows = [key for key in grid.index if key[0] == ALL] + [key for key in order if key[0] != ALL]
    return grid.loc[rows, list(genes)].round(3).reset_index().rename_axis(columns=None)


def _errors(made: "GeneExplanation") -> "pd.DataFrame":
    from cluster.figures.gene.fits import ALL, best_method
    from cluster.figures.gene.parts import FEWEST

    rows = made.errors[made.errors["method"] == best_method(made)]
    every = rows.assign(lineage=ALL)
    import pandas as pd

    table = (
        pd.concat([every, rows[rows["lineage"] != ""]])
        .groupby("lineage")["error"]
        .agg(["size", "median", "mean"])
    )
    table = table[table["size"] >= FEWEST].rename(columns={"size": "n"})
    if len(table) < 2:
        return pd.DataFrame()
    first = table.loc[[ALL]]
    others = table.drop(index=ALL).sort_values("median", ascending=False, kind="stable").head(LINEAGES)
    return pd.concat([first, others]).round(3).reset_index()


def _tree(nodes: "pd.DataFrame") -> list[str]:
    rows = {row.number: row for row in nodes.itertuples()}

    def walk(number: int, indent: str) -> list[str]:
        row = rows[number]
        here = f"mean {row.value:.2f}, {row.n} lines"
        if not isinstance(row.gene, str):
            return [f"{indent}{here}"]
        return [
            line
            for child, sign in ((2 * number + 1, "≤"), (2 * number + 2, ">"))
            for line in [f"{indent}{row.gene} {sign} {row.threshold:.2f}:", *walk(child, f"{indent}  ")]
        ]

    return _joined(walk(0, "  "))


def _joined(lines: list[str]) -> list[str]:
    """A condition and the leaf under it on one line."""
    out: list[str] = []
    for line in lines:
        if out and out[-1].endswith(":") and line.strip().startswith("mean "):
            out[-1] += " " + line.strip()
        else:
            out.append(line)
    return out


def _text(frame: "pd.DataFrame") -> list[str]:
    from cluster.formats import frame_text

    return frame_text(frame).splitlines()
