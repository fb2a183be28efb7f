"""Lists of targets: rows of `genes` that meet some conditions, with what one lineage has, in an order."""

import difflib
from collections.abc import Collection
from numbers import Real

import pandas as pd
import pyarrow as pa

from cluster.answers.text import columns_text
from tasks.analyses.answer.verdict import FEWEST_LINES
from tasks.analyses.answer.wording import number, q_text
from tasks.errors import BadInputError

# Columns of `target_lineages` as a list shows them.
IN_LINEAGE = {
    "n": "lineage_n",
    "dependent": "lineage_dependent",
    "mean": "lineage_mean",
    "pearson": "lineage_pearson",
    "pearson_without_one": "lineage_without_one",
    "pearson_low": "lineage_low",
    "pearson_high": "lineage_high",
    "rmse": "lineage_rmse",
}
SMALL_IS_GOOD = ("p_", "q_", "rmse", "lineage_rmse", "target", "method", "class", "model", "lineage_name")
DEFAULT_SORT, DEFAULT_LINEAGE_SORT = "gain", "lineage_without_one"


def narrowed(
    genes: pd.DataFrame,
    *,
    method: str | None = None,
    min_gain: float | None = None,
    max_q: float | None = None,
    target_class: str | None = None,
) -> pd.DataFrame:
    """The rows of `genes` that meet every condition given.

    Raises BadInputError, with all that is wrong, for a method or class that no row has, and for conditions
    that are no numbers.
    """
    problems = _unknown("method", method, genes["method"]) + _unknown("class", target_class, genes["class"])
    problems += _no_number("min-gain", min_gain) + _no_number("max-q", max_q)
    if problems:
        raise BadInputError(problems)
    kept = genes
    if method is not None:
        kept = kept[kept["method"] == method]
    if target_class is not None:
        kept = kept[kept["class"] == target_class]
    if min_gain is not None:
        kept = kept[kept["gain"] >= min_gain]
    if max_q is not None:
        kept = kept[kept["q_value"] <= max_q]
    return kept.reset_index(drop=True)


def with_lineage(genes: pd.DataFrame, lineages: pa.Table) -> pd.DataFrame:
    """The rows of targets that have an r within a lineage, with the columns of `IN_LINEAGE`.

    `lineages` are the rows of `target_lineages` of that lineage. There is no r of fewer than 15 lines, nor of
    lines that all measure the same.
    """
    mine = lineages.select(["method", "target", *IN_LINEAGE]).to_pandas().rename(columns=IN_LINEAGE)
    mine = mine[(mine["lineage_n"] >= FEWEST_LINES) & mine["lineage_pearson"].notna()]
    return genes.merge(mine, on=["method", "target"], how="inner", validate="one_to_one")


def in_order(genes: pd.DataFrame, sort: str, limit: int | None = None) -> pd.DataFrame:
    """Sorted by a column, the best first: large values, but small p, q and errors, and text by the alphabet.

    Rows of equal values keep their order; missing values are last. BadInputError, naming close ones, for a
    column there is not, and for fewer than one row.
    """
    if limit is not None and limit < 1:
        raise BadInputError(f"limit {limit}: expected 1 or more rows, or None for all")
    if sort not in genes.columns:
        close = difflib.get_close_matches(sort, list(genes.columns), n=3, cutoff=0.5)
        hint = f"; did you mean {', '.join(close)}?" if close else f"; there are {', '.join(genes.columns)}"
        raise BadInputError(f"--sort {sort}: no such column{hint}")
    ordered = genes.sort_values(
        sort, ascending=sort.startswith(SMALL_IS_GOOD), kind="stable", na_position="last"
    )
    return ordered.head(limit).reset_index(drop=True) if limit is not None else ordered.reset_index(drop=True)


def best_method(genes: pd.DataFrame) -> pd.DataFrame:
    """One row per target: by the method with most folds done, of those with the highest pooled r."""
    order = genes.sort_values(
        ["target", "folds", "pearson_pooled", "method"], ascending=[True, False, False, True], kind="stable"
    )
    return order.drop_duplicates("target").reset_index(drop=True)


def list_text(rows: pd.DataFrame, lineage: str | None = None) -> str:
    """A list for a terminal: what matters of each target, rounded."""
    if rows.empty:
        wanted = "" if lineage is None else f" and has an r in {FEWEST_LINES} or more lines of that lineage"
        return f"no target meets these conditions{wanted} (--max-q 1 lists those not predicted, too)\n"
    named = rows.to_dict("records")
    columns = {
        "target": [row["target"] for row in named],
        "method": [row["method"] for row in named],
        "r": [number(row["pearson_pooled"]) for row in named],
        "95% interval": [f"{number(row['pearson_low'])} to {number(row['pearson_high'])}" for row in named],
        "q": [q_text(row["q_value"]).removeprefix("q ") for row in named],
        "lineage r": [number(row["pearson_lineage"]) for row in named],
        "own r": [number(row["pearson_own"]) for row in named],
        "gain": [number(row["gain"]) for row in named],
        "n": [str(row["n"]) for row in named],
    }
    if lineage is not None:
        columns |= {
            "| n there": [str(row["lineage_n"]) for row in named],
            "depend": [str(row["lineage_dependent"]) for row in named],
            "mean": [number(row["lineage_mean"]) for row in named],
            "r within": [number(row["lineage_pearson"]) for row in named],
            "without one": [number(row["lineage_without_one"]) for row in named],
        }
    return columns_text(list(columns), list(zip(*columns.values(), strict=True)), "ll" + "r" * 12) + "\n"


def lineage_named(name: str, known: Collection[str]) -> str:
    """The lineage that a user means, in any case. BadInputError, naming close ones, where there is none."""
    by_case = {lineage.lower(): lineage for lineage in sorted(known)}
    if name.strip().lower() in by_case:
        return by_case[name.strip().lower()]
    if not by_case:
        raise BadInputError(
            f"--lineage {name}: no lineages are known: the store holds none, and its Dataset is not where "
            "the run found it; `knockcast resume STORE --dataset D` writes them"
        )
    inside = [lineage for text, lineage in by_case.items() if name.strip().lower() in text]
    if len(inside) == 1:
        return inside[0]
    close = inside or [by_case[t] for t in difflib.get_close_matches(name.lower(), list(by_case), 3, 0.5)]
    hint = f"did you mean {', '.join(close)}?" if close else f"there are {', '.join(by_case.values())}"
    raise BadInputError(f"--lineage {name}: no such lineage; {hint}")


def _no_number(what: str, value: object) -> list[str]:
    return [] if value is None or isinstance(value, Real) else [f"--{what} {value!r}: expected a number"]


def _unknown(what: str, name: str | None, column: pd.Series) -> list[str]:
    known = sorted(set(column.dropna()))
    if name is None or name in known:
        return []
    return [f"--{what} {name}: no target has it; there are {', '.join(known) or 'none'}"]
