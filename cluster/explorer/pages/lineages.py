"""A gene's lineages: how strongly each depends on it, and how well it is predicted there."""

from typing import Any

import numpy as np
import pandas as pd
from dash import dcc, html

from cluster.explorer import charts
from cluster.explorer.data import StoreData
from cluster.explorer.pages.parts import Shown, chart, number, section, small_table
from cluster.explorer.state import gene_path

FEW = 5  # lines from which on a lineage has an r


def lineage_table(
    data: StoreData, target: str, method: str, rows: pd.DataFrame, other: str, effect: str
) -> html.Section:
    """Boxes and a table, a row for each lineage, the strongest dependency first."""
    higher = data.reader.run.get("measure") in ("dependency", "level")
    table = by_lineage(rows).sort_values("mean", ascending=not higher, kind="stable", ignore_index=True)
    several = int((table["n"] >= charts.FEW).sum())
    columns = (
        Shown(
            "Lineage",
            lambda row: dcc.Link(
                row.lineage, href=gene_path(target, method=method, lineage=row.lineage, **{"with": other})
            ),
            is_number=False,
        ),
        Shown("Lines", lambda row: number(row.n, 0)),
        Shown("Mean effect", lambda row: number(row.mean, 2), f"mean measured {effect}"),
        Shown("SD", lambda row: number(row.sd, 2)),
        Shown(
            "r",
            lambda row: number(row.r, 2),
            f"measured against predicted within the lineage, from {FEW} lines on",
        ),
        Shown("Error", lambda row: number(row.error, 2), "mean absolute error of the predictions"),
        Shown(
            "Error of mean",
            lambda row: number(row.error_mean, 2),
            "mean absolute error of predicting the mean of all lines",
        ),
    )
    boxes = charts.by_lineage(rows, effect, higher)
    content: list[Any] = [small_table(table, columns, f"{target} by lineage")]
    if several > 1:
        content.insert(0, chart(boxes, f"Box plots: {effect} of {target} by lineage", 60 + 24 * several + 60))
    return section(
        "Lineages",
        html.Div(content, className="pair wide"),
        note="Follow a lineage to see it stand out above.",
        id="lineages",
    )


def by_lineage(rows: pd.DataFrame) -> pd.DataFrame:
    """Per lineage: n, mean, sd (measured), r, error, error_mean. `rows`: lineage, measured, predicted."""
    everywhere = float(rows["measured"].mean())
    found = [
        {
            "lineage": name,
            "n": len(part),
            "mean": float(part["measured"].mean()),
            "sd": float(part["measured"].std()),
            "r": _r(part),
            "error": float((part["measured"] - part["predicted"]).abs().mean()),
            "error_mean": float((part["measured"] - everywhere).abs().mean()),
        }
        for name, part in rows.groupby("lineage", sort=True)
    ]
    return pd.DataFrame(found)


def _r(part: pd.DataFrame) -> float:
    measured, predicted = part["measured"].to_numpy(float), part["predicted"].to_numpy(float)
    if len(part) < FEW or np.ptp(measured) == 0 or np.ptp(predicted) == 0:
        return float("nan")
    return float(np.corrcoef(measured, predicted)[0, 1])
