"""What the numbers of a gene mean, in three sentences."""

from typing import Any

import pandas as pd

from cluster.explorer.data import UNKNOWN
from cluster.explorer.pages.parts import number

SURE, WELL, FAIR = 0.05, 0.5, 0.3
NO_GAIN = 0.03


def sentences(target: str, row: Any, rows: pd.DataFrame) -> list[str]:
    """Whether it can be predicted, what that adds, and where it holds. `row`: of `genes`."""
    if pd.isna(row.pearson_pooled):
        r = number(row.pearson, 2)
        return [f"r of {target} is {r}, the mean over {row.folds} folds. The rest is being computed."]
    return [_how_well(target, row), _adds(row), *_where(rows)]


def _how_well(target: str, row: Any) -> str:
    r = row.pearson_pooled
    if pd.notna(row.q_value) and row.q_value > SURE:
        return f"{target} cannot be predicted here: r = {number(r, 2)} is within what chance gives."
    word = "well" if r >= WELL else "fairly" if r >= FAIR else "weakly, but not by chance,"
    return (
        f"{target} is predicted {word} on cell lines the model had not seen: r = {number(r, 2)} "
        f"({number(row.pearson_low, 2)} to {number(row.pearson_high, 2)}) over {row.n} of them."
    )


def _adds(row: Any) -> str:
    known = {"the lineage": row.pearson_lineage, "its own expression": row.pearson_own}
    known = {name: value for name, value in known.items() if pd.notna(value)}
    if not known:
        return ""
    best = max(known, key=lambda name: known[name])
    if row.gain < NO_GAIN:
        return f"That is no more than {best} alone tells (r = {number(known[best], 2)})."
    return f"Knowing {best} alone gives r = {number(known[best], 2)}; the model adds {number(row.gain, 2)}."


def _where(rows: pd.DataFrame) -> list[str]:
    found = {
        str(name): float(part["measured"].corr(part["predicted"]))
        for name, part in rows.groupby("lineage")
        if len(part) >= 15
        and name != UNKNOWN
        and part["predicted"].nunique() > 1
        and part["measured"].nunique() > 1
    }
    if len(found) < 2:
        return []
    best, worst = max(found, key=lambda n: found[n]), min(found, key=lambda n: found[n])
    return [
        f"Within a lineage it does best in {best} (r = {number(found[best], 2)}), "
        f"worst in {worst} ({number(found[worst], 2)})."
    ]
