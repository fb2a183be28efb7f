"""Figures of what selection does over all targets: tests, numbers of modifiers, stability, pathways."""

from collections import Counter

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
from plotly.subplots import make_subplots

from cluster.figures.page import COLOURS, Drawn, laid_out, shown
from cluster.figures.venn import venn_figure

FLAGS = {"by_pearson": "Pearson", "by_spearman": "Spearman", "by_chi2": "chi-squared"}
LEVEL = 0.05  # of q
PATHWAYS = 5


def tests(modifiers: pa.Table, folds: int) -> Drawn | None:
    """The Venn diagram of the three tests over all targets: pairs of target and modifier, mean over folds.

    `modifiers`: method, by_pearson, by_spearman, by_chi2 of the folds that count. `numbers`: method and the
    three flags, pairs (over all folds).
    """
    columns = [modifiers.column(name).to_pylist() for name in ("method", *FLAGS)]
    counts = Counter(zip(*columns, strict=True))
    rows = [
        dict(zip(("method", *FLAGS, "pairs"), (*key, n), strict=True)) for key, n in sorted(counts.items())
    ]
    numbers = pd.DataFrame(rows, columns=["method", *FLAGS, "pairs"])
    numbers = numbers[numbers[list(FLAGS)].any(axis=1)].reset_index(drop=True)
    if numbers.empty:
        return None
    method = str(numbers.groupby("method")["pairs"].sum().idxmax())
    mine = numbers[numbers["method"] == method]
    shares = {
        (bool(p), bool(s), bool(c)): round(n / max(folds, 1))
        for p, s, c, n in mine[[*FLAGS, "pairs"]].itertuples(index=False, name=None)
    }
    figure = venn_figure(list(FLAGS.values()), shares)
    laid_out(
        figure,
        "Which test chose how many modifiers",
        f"pairs of target and modifier of method {shown(method)}, mean over {folds} folds",
        "",
        "",
    )
    return Drawn(figure, numbers)


def numbers_of_modifiers(scores: pd.DataFrame, genes: pd.DataFrame) -> Drawn | None:
    """Left: targets by their mean number of modifiers. Right: by how alike the folds' modifiers are.

    `scores`: method, target, n_modifiers; `genes`: method, target, stability. `numbers`: method, target,
    n_modifiers, stability of the method with most modifiers.
    """
    mean = scores.groupby(["method", "target"], sort=True)["n_modifiers"].mean().reset_index()
    joined = mean.merge(genes[["method", "target", "stability"]], on=["method", "target"], how="left")
    totals = joined.groupby("method")["n_modifiers"].sum()
    if totals.empty or totals.max() == 0:
        return None
    method = str(totals.idxmax())
    rows = joined[joined["method"] == method].reset_index(drop=True)
    figure = make_subplots(
        rows=1,
        cols=2,
        subplot_titles=["number of modifiers", "stability over folds"],
        horizontal_spacing=0.12,
    )
    without = int((rows["n_modifiers"] == 0).sum())
    for at, (column, wide) in enumerate((("n_modifiers", 2.0), ("stability", 0.05))):
        values = rows[column].dropna().to_numpy()
        if len(values) == 0:
            continue
        edges = np.arange(0, float(values.max()) + 2 * wide, wide)
        counts, _ = np.histogram(values, bins=edges)
        bars = go.Bar(
            x=edges[:-1] + wide / 2,
            y=counts,
            width=0.9 * wide,
            marker={"color": COLOURS[at]},
            showlegend=False,
        )
        figure.add_trace(bars, row=1, col=at + 1)
    laid_out(
        figure,
        f"Modifiers of method {shown(method)}",
        f"mean over folds; {without} of {len(rows)} targets have none in any fold. Stability: mean Jaccard "
        "index of two folds",
        "modifiers of a target",
        "targets",
    )
    figure.update_xaxes(title_text="modifiers of a target", row=1, col=1)
    figure.update_xaxes(title_text="Jaccard index", row=1, col=2)
    figure.update_yaxes(title_text="targets", tickformat="d")
    figure.update_layout(meta={"mm": (150.0, 70.0)}, showlegend=False)
    return Drawn(figure, rows)


def pathways(enrichment: pd.DataFrame) -> Drawn | None:
    """The five best pathways of each collection by −log10 p, for the modifiers of all listed targets.

    `enrichment`: rows of the table of its latest analysis. `numbers`: those rows, with `minus_log10_p`.
    """
    rows = enrichment[(enrichment["of"] == "all modifiers") & enrichment["p_value"].notna()]
    if rows.empty:
        return None
    rows = rows.sort_values(["collection", "p_value", "gene_set"], ignore_index=True)
    rows = rows.groupby("collection", sort=True).head(PATHWAYS).reset_index(drop=True)
    rows["minus_log10_p"] = -np.log10(rows["p_value"].clip(lower=1e-300))
    several = rows["collection"].nunique() > 1
    colour = dict(zip(sorted(rows["collection"].unique()), COLOURS * 9, strict=False))
    figure = go.Figure()
    for collection, part in rows.iloc[::-1].groupby("collection", sort=True):
        figure.add_trace(
            go.Bar(
                y=[
                    f"{_short(name)} ({o} of {s})"
                    for name, o, s in zip(part["gene_set"], part["overlap"], part["size"], strict=True)
                ],
                x=part["minus_log10_p"].to_numpy(),
                orientation="h",
                marker={"color": colour[collection]},
                name=shown(collection),
            )
        )
    laid_out(
        figure,
        "Pathways of the modifiers",
        "modifiers of the listed targets together; genes of the set among the modifiers, and in all; "
        f"hypergeometric p among the genes that could be drawn. {_how_many(rows)}",
        "−log10 p",
        "",
    )
    figure.update_yaxes(type="category")
    figure.update_layout(meta={"mm": (150.0, 34.0 + 6.0 * len(rows))}, showlegend=several)
    return Drawn(figure, rows)


def _how_many(rows: pd.DataFrame) -> str:
    """How many of the sets that are drawn are more than chance."""
    passed = int((rows["q_value"] < LEVEL).sum())
    return (
        f"{passed if passed else 'None'} of these {len(rows)} {'has' if passed == 1 else 'have'} q < {LEVEL}"
    )


def _short(name: str, most: int = 44) -> str:
    return shown(name if len(name) <= most else f"{name[: most - 1]}…")
