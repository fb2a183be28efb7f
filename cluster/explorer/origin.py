"""Whether a file of predictions is of this store: what `predict` says of each target beside what is here."""

import pandas as pd

from cluster.explorer.forecast import Forecast
from cluster.text import spaced
from tasks.analyses.answer.wording import listed

NEAR = 1e-4  # two stores never agree so closely in every target; one agrees with itself to rounding
NAMED = 3
KEY = ["method", "target"]


def doubts(forecast: Forecast, genes: pd.DataFrame) -> list[str]:
    """What of a file cannot be of the store, in words; empty where all agrees, or nothing can be compared.

    `genes`: the store's rows of table `genes`, of all methods. Targets and methods must be known, and each
    target's pooled r by its method must be the store's, where both have it.
    """
    said, known = [], set(genes["target"])
    strange = [target for target in forecast.table.columns if target not in known]
    if strange:
        said.append(f"this store has no scores of {_some(strange)}")
    claims = _claims(forecast)
    foreign = sorted(set(claims["method"]) - set(genes["method"]))
    if foreign:
        said.append(f"this store has no method {listed(foreign)}")
    both = claims.merge(genes, on=KEY, suffixes=("", "_here"))
    # Final models are of expression alone, of a method that read other inputs too.
    here = both["pearson_expression"].fillna(both["pearson_pooled_here"]).astype(float)
    other = (both["pearson_pooled"].astype(float) - here).abs() > NEAR  # false where either is missing
    if other.any():
        said.append(f"r is another here for {_some(list(both.loc[other, 'target'].unique()))}")
    return said


def _claims(forecast: Forecast) -> pd.DataFrame:
    """method, target, pearson_pooled as the file beside it, or a long file itself, says them."""
    rows = forecast.trust
    if rows is None and forecast.more is not None:
        rows = forecast.more.rename(columns={"trust": "pearson_pooled"})
    wanted = [*KEY, "pearson_pooled"]
    if rows is None or not set(wanted) <= set(rows.columns):
        return pd.DataFrame(columns=wanted)
    return rows[wanted].dropna(subset=KEY).drop_duplicates(KEY)


def _some(names: list[str]) -> str:
    """`3 of its targets (A, B and 1 more)`."""
    first, left = list(map(str, names[:NAMED])), len(names) - NAMED
    which = listed([*first, f"{spaced(left)} more"] if left > 0 else first)
    return f"{spaced(len(names))} of its targets ({which})"
