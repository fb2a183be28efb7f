"""What several figures of a gene share: small multiples, colours of lineages, jitter of levels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.colors import sequential
from plotly.subplots import make_subplots

from cluster.figures.page import COLOURS, GREY, shown

PAGE = 180.0  # millimetres across a page of a journal
OTHERS = "other lineages"
NAMED = 6  # lineages with a colour of their own
FEWEST = 10  # lines of such a lineage
# Blue to orange through white, and blue to yellow: both told apart by the colour-blind.
DIVERGING = [[0.0, "#0072B2"], [0.25, "#8fbfdc"], [0.5, "#f7f7f7"], [0.75, "#eeb38a"], [1.0, "#D55E00"]]
EXPRESSION = [[at / 9, shade] for at, shade in enumerate(sequential.Cividis[:10])]
FEW_VALUES = 10  # so many or fewer measured values are levels, drawn apart


def multiples(titles: Sequence[str], columns: int, row_mm: float, **options: Any) -> go.Figure:
    """A figure of small panels with these titles, at most `columns` across, each row `row_mm` high."""
    across = min(columns, len(titles))
    rows = -(-len(titles) // across)
    gaps = {"horizontal_spacing": 0.24 / across, "vertical_spacing": 0.3 / rows}
    figure = make_subplots(rows=rows, cols=across, subplot_titles=list(titles), **(gaps | options))
    figure.update_layout(meta={"mm": (PAGE * max(across, 2) / max(columns, 2), 22 + row_mm * rows)})
    return figure


def cell(at: int, columns: int) -> dict[str, int]:
    """Row and column, from 1, of the panel of that number."""
    return {"row": at // columns + 1, "col": at % columns + 1}


def title(figure: go.Figure, name: str, note: str) -> go.Figure:
    """The house's look, a title and a line under it; axes are named by the panels."""
    return figure.update_layout(
        template="plotly_white",
        colorway=COLOURS,
        title={"text": name, "subtitle": {"text": note}},
        margin={"t": 110},
    )


def telling_lineages(lines: pd.DataFrame) -> list[str]:
    """The lineages (of `FEWEST` lines or more) whose mean effect is furthest from that of all, by t."""
    known = lines[lines["lineage"] != ""]
    groups = known.groupby("lineage")["measured"].agg(["mean", "size"])
    groups = groups[groups["size"] >= FEWEST]
    t = (groups["mean"] - known["measured"].mean()).abs() * np.sqrt(groups["size"])
    return sorted(groups.index, key=lambda name: (-t[name], name))[:NAMED]


def lineage_colours(lineages: Sequence[str]) -> dict[str, str]:
    """A colour for each named lineage, in order, and grey for `OTHERS`."""
    return {OTHERS: "#c4c4c4"} | dict(zip(lineages, COLOURS, strict=False))


def jittered(
    values: Float[np.ndarray, " lines"], width: float = 0.17, seed: int = 0
) -> Float[np.ndarray, " lines"]:
    """Levels moved apart at random (always alike), so that no line hides another; others as they are.

    The two axes of one figure need two seeds, else all dots of a place lie on its diagonal.
    """
    values = np.asarray(values, dtype=np.float64)
    distinct = np.unique(values[~np.isnan(values)])
    if not 1 < len(distinct) <= FEW_VALUES:
        return values
    step = float(np.diff(distinct).min())
    return values + np.random.default_rng(seed).uniform(-width * step, width * step, len(values))


def measured_title(measure: str) -> str:
    """The name of an axis of measured values."""
    return {
        "effect": "measured gene effect",
        "dependency": "measured dependency",
        "level": "measured level",
    }.get(measure, "measured")


def level_ticks(values: "pd.Series[float]") -> dict[str, Any]:
    """Ticks at the levels, where there are few; nothing for others."""
    distinct = sorted(values.dropna().unique())
    return {"tickvals": distinct} if 1 < len(distinct) <= FEW_VALUES else {}


def signed(value: float, digits: int = 2) -> str:
    """A rounded number with a true minus, and no minus before 0; empty for none."""
    if np.isnan(value):
        return ""
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def brief(name: str, most: int = 18) -> str:
    """A name as text of a figure, its middle left out where it is very long; numbers and hover have all."""
    if len(name) > most:
        name = f"{name[: most - most // 2 - 1]}…{name[-(most // 2) :]}"
    return shown(name)


def hover(lines: pd.DataFrame) -> list[str]:
    """Cell line and lineage of each row, as text of a figure."""
    return [f"{shown(row.cell_line)}<br>{shown(row.lineage)}" for row in lines.itertuples()]


def grey_line() -> dict[str, Any]:
    """The look of guides: zero, diagonals."""
    return {"dash": "dot", "color": GREY, "width": 1}
