"""The modifiers of one gene: against the effect, by test, over the folds, and how alike they are."""

import numpy as np
import plotly.graph_objects as go

from cluster.figures.gene.parts import (
    DIVERGING,
    OTHERS,
    PAGE,
    brief,
    cell,
    hover,
    jittered,
    level_ticks,
    lineage_colours,
    measured_title,
    multiples,
    signed,
    telling_lineages,
    title,
)
from cluster.figures.page import Drawn, shown
from cluster.figures.venn import venn_figure
from cluster.results.explain import GeneExplanation
from tasks.analyses.explanation.evidence import TESTS, venn_counts
from tasks.analyses.explanation.explain import SHOWN

COLUMNS = 3
FOLDED = 25  # modifiers of the stability figure


def scatter(made: GeneExplanation) -> Drawn | None:
    """Expression of the first modifiers against the measured effect, coloured by telling lineages."""
    explained = made.explanation
    if explained.lines.empty:
        return None
    genes = explained.features[:SHOWN]
    lines = explained.lines[explained.lines["gene"].isin(genes)]
    lineages = telling_lineages(lines[lines["gene"] == genes[0]])
    colours = lineage_colours(lineages)
    r = explained.correlations.set_index("gene")[["pearson", "spearman"]].astype(float)
    titles = [
        f"{brief(gene)}: r {signed(r['pearson'][gene])}, ρ {signed(r['spearman'][gene])}" for gene in genes
    ]
    figure = multiples(titles, COLUMNS, 46)
    for at, gene in enumerate(genes):
        rows = lines[lines["gene"] == gene]
        group = rows["lineage"].where(rows["lineage"].isin(lineages), OTHERS)
        y = jittered(rows["measured"].to_numpy())
        for name, colour in colours.items():
            mine = (group == name).to_numpy()
            if not mine.any():
                continue
            dots = go.Scatter(
                x=rows["expression"].to_numpy()[mine],
                y=y[mine],
                mode="markers",
                text=hover(rows[mine]),
                hovertemplate="%{text}<br>expression %{x:.2f}, effect %{y:.2f}<extra></extra>",
                marker={
                    "size": 3.4 if name == OTHERS else 4.6,
                    "opacity": 0.5 if name == OTHERS else 0.85,
                    "color": colour,
                },
                name=brief(name, 28),
                legendgroup=name,
                showlegend=at == 0,
            )
            figure.add_trace(dots, **cell(at, COLUMNS))
        figure.update_xaxes(title_text=f"{brief(gene)}, log2(TPM+1)", **cell(at, COLUMNS))
        figure.update_yaxes(**level_ticks(lines["measured"]), **cell(at, COLUMNS))
        if at % COLUMNS == 0:
            figure.update_yaxes(title_text=measured_title(made.explanation.measure), **cell(at, COLUMNS))
    title(
        figure,
        f"{shown(made.target)}: effect of its knockout by expression of its modifiers",
        "the modifiers that most folds chose, over all measured lines; in colour the lineages whose mean "
        "effect differs most from that of all",
    )
    return Drawn(figure, lines.reset_index(drop=True))


def venn(made: GeneExplanation) -> Drawn | None:
    """How many modifiers each test chose in half of the folds or more, and how many several chose."""
    tests = made.explanation.tests
    counts = venn_counts(tests) if len(tests) else {}
    if not counts:
        return None
    figure = venn_figure(list(TESTS.values()), counts)
    title(
        figure,
        f"{shown(made.target)}: which test chose how many modifiers",
        "a modifier counts for a test that chose it in at least half of the folds",
    )
    return Drawn(figure, tests)


def stability(made: GeneExplanation) -> Drawn | None:
    """The modifiers' ranks in every fold; grey where a fold did not choose it."""
    table = made.explanation.stability
    if table.empty:
        return None
    names = list(dict.fromkeys(table["gene"]))
    genes = names[:FOLDED]
    rank = table.pivot(index="gene", columns="fold", values="rank").loc[genes].astype(float)
    most = max(2.0, float(np.nanmax(rank.to_numpy())))
    figure = go.Figure(
        go.Heatmap(
            z=rank.to_numpy(),
            x=[f"fold {fold}" for fold in rank.columns],
            y=[brief(gene) for gene in genes],
            text=[[signed(value, 0) for value in row] for row in rank.to_numpy()],
            texttemplate="%{text}",
            colorscale=[[0.0, "#0072B2"], [1.0, "#dcebf4"]],
            zmin=1,
            zmax=most,
            showscale=False,
        )
    )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(type="category")
    figure.update_layout(meta={"mm": (PAGE / 2, 34 + 3.9 * len(genes))})
    jaccard = made.explanation.jaccard["jaccard"]
    alike = f"; mean Jaccard index of two folds {jaccard.mean():.2f}" if len(jaccard) else ""
    left = (
        f"; {len(names) - len(genes)} more, chosen less often, are not shown"
        if len(names) > len(genes)
        else ""
    )
    title(
        figure,
        f"{shown(made.target)}: rank of its modifiers in every fold",
        f"1 is the smallest q; grey: not chosen{alike}{left}",
    )
    return Drawn(figure, table)


def collinear(made: GeneExplanation) -> Drawn | None:
    """r between the modifiers, those that say nearly the same side by side and framed."""
    groups, alike = made.explanation.collinear, made.explanation.alike
    if len(groups) < 2:
        return None
    names = [brief(gene) for gene in groups["gene"]]
    figure = go.Figure(
        go.Heatmap(
            z=alike.to_numpy(),
            x=names,
            y=names,
            colorscale=DIVERGING,
            zmin=-1,
            zmax=1,
            colorbar={"title": {"text": "r between expressions"}},
        )
    )
    for _, rows in groups.dropna(subset="group").groupby("group"):
        low, high = rows.index.min() - 0.5, rows.index.max() + 0.5
        figure.add_shape(type="rect", x0=low, x1=high, y0=low, y1=high, line={"color": "black", "width": 2})
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(type="category", tickangle=90)
    size = 30 + 3.6 * len(names)
    figure.update_layout(meta={"mm": (max(PAGE / 2, size + 14), size + 24)})
    n = groups["group"].nunique()
    title(
        figure,
        f"{shown(made.target)}: modifiers that say nearly the same",
        (f"{n} groups framed" if n != 1 else "one group framed")
        + ", in which every |r| is at least 0.6: which of "
        "them a model takes is a matter of chance",
    )
    long = alike.rename_axis("gene").reset_index().melt("gene", var_name="other", value_name="pearson")
    return Drawn(figure, long.merge(groups, on="gene"))
