"""Models of one gene on all lines: weights per lineage, a tree, and what boosted trees use."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cluster.figures.gene.parts import DIVERGING, EXPRESSION, PAGE, brief, grey_line, signed, title
from cluster.figures.page import COLOURS, Drawn, shown
from cluster.results.explain import GeneExplanation
from tasks.analyses.explanation.models import ALL

WEIGHTED = 12  # genes of the heat map, by |weight| over all lines
EXPLAINED = 10  # genes of the SHAP figure
LINEAGES = 24  # rows of the heat map


def weights(made: GeneExplanation) -> Drawn | None:
    """Linear weights of the strongest modifiers in each lineage, beside those of all lines."""
    found = made.explanation.weights
    if found is None or found.table.empty:
        return None
    table = found.table
    pooled = table[table["lineage"] == ALL].set_index("gene")["weight"]
    genes = list(pooled.abs().sort_values(ascending=False, kind="stable").index[:WEIGHTED])
    rows = table[["lineage", "n"]].drop_duplicates("lineage").head(LINEAGES + 1)
    grid = table.pivot(index="lineage", columns="gene", values="weight").loc[rows["lineage"], genes]
    most = float(np.nanmax(np.abs(grid.to_numpy()))) or 1.0
    figure = go.Figure(
        go.Heatmap(
            z=grid.to_numpy(),
            x=[brief(gene) for gene in genes],
            y=[f"{brief(str(row.lineage), 28)} ({row.n})" for row in rows.itertuples()],
            text=[[signed(value) for value in line] for line in grid.to_numpy()],
            texttemplate="%{text}",
            colorscale=DIVERGING,
            zmin=-most,
            zmax=most,
            colorbar={"title": {"text": "effect per sd of expression"}},
        )
    )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(type="category")
    figure.update_layout(meta={"mm": (PAGE, 36 + 4.2 * len(rows))})
    said = (
        "no sign that lineages differ: every one has the weights of all lines"
        if np.isinf(found.penalty)
        else "each drawn towards those of all lines as far as leave-one-out asks (own weights take "
        f"{100 * found.improves:.1f}% off its squared error)"
    )
    title(
        figure,
        f"{shown(made.target)}: linear weights within each lineage",
        f"{said}; number of lines in brackets; fitted to all lines",
    )
    return Drawn(figure, table)


def tree(made: GeneExplanation) -> Drawn | None:
    """The tree of depth 4: lines with at most a split's expression go left; leaves say mean and n."""
    nodes = made.explanation.tree
    if nodes is None or len(nodes) < 2:
        return None
    figure = go.Figure()
    rows = {row["number"]: row for row in nodes.to_dict("records")}
    low, high = float(nodes["value"].min()), float(nodes["value"].max())
    for row in rows.values():
        _add_branch(figure, row, rows.get(row["parent"]), int(nodes["n"].max()))
    for row in rows.values():
        _add_node(figure, row, _shade(row["value"], low, high))
    figure.add_trace(
        go.Scatter(x=[0], y=[0], mode="markers", marker={"size": 0.1, "opacity": 0}, showlegend=False)
    )
    figure.update_xaxes(visible=False, range=[-1.0, float(nodes["x"].max()) + 1.0])
    figure.update_yaxes(visible=False, range=[-float(nodes["depth"].max()) - 0.45, 0.4])
    figure.update_layout(meta={"mm": (PAGE, 22 + 17 * int(nodes["depth"].max()))}, showlegend=False)
    title(
        figure,
        f"{shown(made.target)}: a tree of depth 4 on its modifiers",
        "lines whose log2(TPM+1) is at most the number go left; mean: of the effect; n: lines; shaded by the "
        "mean; fitted to all lines",
    )
    return Drawn(figure, nodes)


def _add_branch(figure: go.Figure, row: Any, above: Any, most: int) -> None:
    """The line from a node's parent to it, the thicker the more cell lines go there."""
    if above is not None:
        figure.add_shape(
            type="line", x0=above["x"], x1=row["x"], y0=-above["depth"], y1=-row["depth"],
            line={"color": "#8a8a8a", "width": 1 + 4 * float(np.sqrt(row["n"] / most))}, layer="below",
        )  # fmt: skip


def _add_node(figure: go.Figure, row: Any, shade: str) -> None:
    is_leaf = not isinstance(row["gene"], str)
    half, x, y = 0.46 if is_leaf else 0.85, row["x"], -row["depth"]
    figure.add_shape(
        type="rect", x0=x - half, x1=x + half, y0=y - 0.26, y1=y + 0.26,
        fillcolor=shade, line={"color": "#777777", "width": 1},
    )  # fmt: skip
    text = f"{signed(row['value'])}<br>n {row['n']}"
    if not is_leaf:
        rule = f"{brief(row['gene'], 12)} ≤ {row['threshold']:.2f}"
        text = f"{rule}<br>mean {signed(row['value'])}, n {row['n']}"
    figure.add_annotation(text=text, x=x, y=y, showarrow=False, font={"size": 9})


def _shade(value: float, low: float, high: float) -> str:
    """White for the smallest mean, orange for the largest."""
    share = 0.0 if high <= low else (value - low) / (high - low)
    mixed = [round(255 + share * 0.75 * (end - 255)) for end in (0xD5, 0x5E, 0x00)]
    return f"#{mixed[0]:02x}{mixed[1]:02x}{mixed[2]:02x}"


def boosted(made: GeneExplanation) -> Drawn | None:
    """Left: each modifier's share of the error that splits took off. Right: its SHAP value in every line."""
    found = made.explanation.boosted
    if found is None or found.importance.empty:
        return None
    top = found.importance.head(EXPLAINED)
    genes = [brief(gene) for gene in top["gene"]]
    figure = make_subplots(
        rows=1, cols=2, column_widths=[0.26, 0.74], shared_yaxes=True, horizontal_spacing=0.03,
        subplot_titles=["share of gain", "SHAP value in each line"],
    )  # fmt: skip
    places = np.arange(len(genes), dtype=np.float64)
    bars = go.Bar(
        y=places,
        x=top["gain"].to_numpy(),
        width=0.7,
        orientation="h",
        marker={"color": COLOURS[0]},
        showlegend=False,
    )
    figure.add_trace(bars, row=1, col=1)
    rows = found.shap[found.shap["gene"].isin(top["gene"])]
    figure.add_trace(_swarm(rows, list(top["gene"])), row=1, col=2)
    figure.add_vline(0.0, line=grey_line(), row=1, col=2)
    figure.update_yaxes(tickvals=places, ticktext=genes, range=[len(genes) - 0.4, -0.6])
    figure.update_yaxes(showticklabels=False, row=1, col=2)
    figure.update_xaxes(title_text="share", row=1, col=1)
    figure.update_xaxes(title_text="change of the prediction", row=1, col=2)
    figure.update_layout(meta={"mm": (PAGE, 34 + 6.2 * len(genes))}, showlegend=False)
    title(
        figure,
        f"{shown(made.target)}: what boosted trees take from each modifier",
        "XGBoost fitted to all lines; a dot is a line, its colour the modifier's expression, by rank",
    )
    return Drawn(figure, rows.merge(found.importance, on="gene").reset_index(drop=True))


def _swarm(rows: pd.DataFrame, genes: list[str]) -> go.Scatter:
    """Dots spread across each gene's row by how crowded their place is."""
    generator = np.random.default_rng(0)
    x, y, shade, text = [], [], [], []
    for at, gene in enumerate(genes):
        mine = rows[rows["gene"] == gene]
        values = mine["contribution"].to_numpy()
        x.append(values)
        y.append(at + _crowding(values) * generator.uniform(-0.4, 0.4, len(values)))
        shade.append(mine["expression"].rank(pct=True).to_numpy())
        text += [
            f"{line}<br>{expression:.2f}"
            for line, expression in zip(map(shown, mine["cell_line"]), mine["expression"], strict=True)
        ]
    return go.Scatter(
        x=np.concatenate(x),
        y=np.concatenate(y),
        mode="markers",
        text=text,
        hovertemplate="%{text}<br>SHAP %{x:.3f}<extra></extra>",
        marker={
            "size": 3.2,
            "opacity": 0.8,
            "color": np.concatenate(shade),
            "colorscale": EXPRESSION,
            "cmin": 0,
            "cmax": 1,
            "showscale": True,
            "colorbar": {"title": {"text": "expression"}, "tickvals": [0, 1], "ticktext": ["low", "high"]},
        },
        showlegend=False,
    )


def _crowding(values: np.ndarray) -> np.ndarray:
    """Of each value, how many lie in its bin, as a share of the fullest."""
    if np.ptp(values) == 0:
        return np.ones(len(values))
    counts, edges = np.histogram(values, bins=60)
    at = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(counts) - 1)
    return counts[at] / counts.max()
