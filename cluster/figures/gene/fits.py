"""How well one gene is predicted: measured against predicted, r beside baselines, errors by lineage."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cluster.figures.gene.parts import (
    FEWEST,
    PAGE,
    brief,
    cell,
    grey_line,
    hover,
    jittered,
    level_ticks,
    measured_title,
    multiples,
    signed,
    title,
)
from cluster.figures.page import COLOURS, GREY, Drawn, shown
from cluster.results.explain import GeneExplanation
from modeling.statistics.pooling import fisher_interval
from tasks.analyses.explanation.fits import CHOSEN, TEST, TRAIN

COLUMNS = 3
VIOLINS = 14  # lineages drawn, besides all lines
ALL = "all lines"
BASELINES = {"pearson_lineage": "lineage alone", "pearson_own": "own expression alone"}


def measured_predicted(made: GeneExplanation) -> Drawn | None:
    """A panel for each model; every line once as tested (out of fold), once as trained if that is known.

    None without predictions, and where no line differs from another: dots on one spot show nothing.
    """
    lines = _all_fits(made)
    if lines["measured"].nunique() < 2:
        return None
    models = list(dict.fromkeys(lines["model"]))
    scores = _scores(made).set_index(["model", "part"])["pearson"]
    figure = multiples([_panel_title(model, scores) for model in models], COLUMNS, 46)
    for at, model in enumerate(models):
        for part, colour, opacity in ((TRAIN, "#b0b0b0", 0.5), (TEST, COLOURS[0], 0.65)):
            rows = lines[(lines["model"] == model) & (lines["part"] == part)]
            if rows.empty:
                continue
            dots = go.Scatter(
                x=jittered(rows["measured"].to_numpy()),
                y=rows["predicted"].to_numpy(),
                mode="markers",
                text=hover(rows),
                hovertemplate="%{text}<br>measured %{x:.2f}, predicted %{y:.2f}<extra></extra>",
                marker={"size": 3.6, "opacity": opacity, "color": colour},
                name={TRAIN: "training lines", TEST: "test lines (out of fold)"}[part],
                legendgroup=part,
                showlegend=at == 0,
            )
            figure.add_trace(dots, **cell(at, COLUMNS))
        ends = [float(lines["measured"].min()), float(lines["measured"].max())]
        diagonal = go.Scatter(
            x=ends, y=ends, mode="lines", line=grey_line(), hoverinfo="skip", showlegend=False
        )
        figure.add_trace(diagonal, **cell(at, COLUMNS))
    low, high = lines["predicted"].min(), lines["predicted"].max()
    margin = 0.04 * (high - low) or 0.5  # a model that predicts the mean alone has one height
    figure.update_xaxes(title_text=measured_title(made.explanation.measure), **level_ticks(lines["measured"]))
    figure.update_yaxes(title_text="predicted", range=[low - margin, high + margin])
    title(
        figure,
        f"{shown(made.target)}: measured against predicted",
        "r of test lines, each predicted by the fold that did not see it; in brackets r of training lines. "
        f"The dotted line is a perfect prediction.{_jitter_note(lines['measured'])}",
    )
    return Drawn(figure, lines)


def _panel_title(model: str, scores: "pd.Series[float]") -> str:
    test, train = scores.get((model, TEST)), scores.get((model, TRAIN))
    inside = f" ({signed(train)})" if train is not None and not np.isnan(train) else ""
    r = "no r" if test is None or np.isnan(test) else f"r {signed(test)}{inside}"
    return f"{shown(model)}: {r}"


def _jitter_note(values: "pd.Series[float]") -> str:
    return " Levels are moved apart at random." if values.nunique() <= 10 else ""


def _all_fits(made: GeneExplanation) -> pd.DataFrame:
    """The refitted models, then each method's out-of-fold predictions (not the chosen model's again)."""
    fits = made.explanation.fits
    parts = [fits] if len(fits) else []
    for method, rows in made.predictions.groupby("method", sort=True):
        if method == made.modifiers_of and len(fits) and (fits["model"] == CHOSEN).any():
            continue
        known = rows.dropna(subset=["measured", "predicted"])
        parts.append(known.assign(model=f"method {method}", part=TEST).drop(columns=["method", "fold"]))
    columns = ["model", "part", "cell_line", "lineage", "measured", "predicted", "train_mean"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _scores(made: GeneExplanation) -> pd.DataFrame:
    methods = made.scores.assign(model="method " + made.scores["model"])
    return pd.concat([made.explanation.fit_scores, methods], ignore_index=True)


def gain(made: GeneExplanation) -> Drawn | None:
    """r of every model out of fold with its interval, beside what lineage and own expression alone give."""
    scores = _scores(made)
    scores = scores[scores["part"] == TEST][["model", "n", "pearson", "low", "high"]]
    if made.modifiers_of:
        scores = (
            scores[scores["model"] != f"method {made.modifiers_of}"]
            if CHOSEN in set(scores["model"])
            else scores
        )
    numbers = pd.concat([_baselines(made), scores], ignore_index=True).dropna(subset="pearson")
    if numbers.empty:
        return None
    numbers["baseline"] = numbers["model"].isin(list(BASELINES.values()))
    numbers = numbers.sort_values("pearson", kind="stable", ignore_index=True)  # the best at the top
    figure = go.Figure()
    for baseline, colour, name in ((True, GREY, "baseline"), (False, COLOURS[0], "model")):
        rows = numbers[numbers["baseline"] == baseline]
        figure.add_trace(
            go.Scatter(
                x=rows["pearson"].to_numpy(),
                y=[shown(model) for model in rows["model"]],
                error_x={
                    "array": (rows["high"] - rows["pearson"]).to_numpy(),
                    "arrayminus": (rows["pearson"] - rows["low"]).to_numpy(),
                    "color": colour,
                },
                mode="markers",
                marker={"size": 8, "color": colour, "symbol": "square" if baseline else "circle"},
                name=name,
            )
        )
    figure.add_vline(0.0, line=grey_line())
    figure.update_xaxes(title_text="r over all cell lines, out of fold (bars: 95% interval)")
    order = [shown(model) for model in numbers["model"]]
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=order)
    figure.update_layout(meta={"mm": (PAGE / 2, 28 + 5.5 * len(numbers))}, showlegend=False)
    title(figure, f"{shown(made.target)}: what the models add", "squares: baselines that know no other gene")
    return Drawn(figure, numbers)


def _baselines(made: GeneExplanation) -> pd.DataFrame:
    summary = made.page.summary.sort_values("pearson_pooled", ascending=False)
    rows = []
    for column, name in BASELINES.items():
        known = summary[summary[column].notna()]
        if known.empty:
            continue
        r, n = float(known[column].iloc[0]), int(known["n"].iloc[0])
        low, high = fisher_interval(np.array([r]), np.array([n]))
        rows.append({"model": name, "n": n, "pearson": r, "low": float(low[0]), "high": float(high[0])})
    return pd.DataFrame(rows, columns=["model", "n", "pearson", "low", "high"])


def best_method(made: GeneExplanation) -> str:
    """The method with the highest pooled r; "" without any."""
    known = made.scores.dropna(subset="pearson")
    return str(known.sort_values("pearson", kind="stable")["model"].iloc[-1]) if len(known) else ""


def errors(made: GeneExplanation) -> Drawn | None:
    """Violins of |error| per lineage, the largest median left, beside all lines; of the best method."""
    method = best_method(made)
    rows = made.errors[(made.errors["method"] == method) & (made.errors["lineage"] != "")]
    sizes = rows["lineage"].value_counts()
    names = [name for name in sizes.index if sizes[name] >= FEWEST][:VIOLINS]
    if not names:
        return None
    rest = len(sizes) - len(names)
    every = made.errors[made.errors["method"] == method]
    medians = rows.groupby("lineage")["error"].median()
    order = sorted(names, key=lambda name: (-medians[name], name))
    groups = [(ALL, every)] + [(name, rows[rows["lineage"] == name]) for name in order]
    figure = go.Figure(
        [
            go.Violin(
                x=[f"{brief(name, 28)} ({len(part)})"] * len(part),
                y=part["error"].to_numpy(),
                name=f"{brief(name, 28)} ({len(part)})",
                fillcolor=GREY if name == ALL else COLOURS[5],
                line={"color": "#444444", "width": 1},
                box={"visible": True},
                points=False,
                spanmode="hard",
                showlegend=False,
            )
            for name, part in groups
        ]
    )
    middle = float(every["error"].median())
    figure.add_hline(middle, line=grey_line())
    figure.update_yaxes(title_text="|measured − predicted|", rangemode="tozero")
    figure.update_xaxes(type="category")
    figure.update_layout(meta={"mm": (PAGE, 78)})
    held = (
        "each lineage as it was held out: no model saw any line of it"
        if made.held_out
        else "out of fold, but other lines of the lineage trained; --scheme lineage holds whole lineages out"
    )
    title(
        figure,
        f"{shown(made.target)}: errors by lineage, method {shown(method)}",
        f"{held}; dotted: median of all lines"
        + (f", which have {rest} smaller lineages, too" if rest else ""),
    )
    numbers = pd.concat([part.assign(group=name) for name, part in groups], ignore_index=True)
    return Drawn(figure, numbers[["group", "method", "lineage", "cell_line", "error"]])
