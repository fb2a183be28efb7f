"""Targets whose predictions differ between groups of samples, and between a group and normal tissues."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from modeling.statistics.group_tests import FEWEST, GroupTest, compare_groups
from modeling.statistics.metrics import benjamini_hochberg

OTHERS, NORMAL = "others", "normal"
LEVEL = 0.05  # of q
LEAST_R = 0.2  # out of fold, of targets that are shown first
COLUMNS = (
    "target", "group", "against", "n", "n_against", "mean", "mean_against", "difference", "effect_size", "t",
    "p_value", "q_value", "stronger", "share_normal", "strongest_normal", "margin",
)  # fmt: skip


@dataclass(frozen=True)
class Groups:
    """`rows` of each group with `FEWEST` samples or more, by name; `small` ones are only part of the others.

    `unknown` samples of the forecast have no group and are left out; `absent` ones are not in the forecast.
    """

    rows: Mapping[str, np.ndarray]
    small: Mapping[str, int]
    unknown: tuple[str, ...]
    absent: int


def grouped(samples: Sequence[str], group_of: Mapping[str, str]) -> Groups:
    """The samples of a forecast by group."""
    found: dict[str, list[int]] = {}
    for row, sample in enumerate(samples):
        if sample in group_of:
            found.setdefault(group_of[sample], []).append(row)
    return Groups(
        {name: np.array(rows) for name, rows in sorted(found.items()) if len(rows) >= FEWEST},
        {name: len(rows) for name, rows in sorted(found.items()) if len(rows) < FEWEST},
        tuple(sample for sample in samples if sample not in group_of),
        len(group_of.keys() - set(samples)),
    )


def standing_out(rows: pd.DataFrame, least_r: float = LEAST_R) -> pd.DataFrame:
    """The rows of a table `tissues` whose group is predicted more dependent, the largest difference first.

    At q < `LEVEL`, of targets predicted with `least_r` out of fold or better (of all, where no r is known);
    against normal tissues only those beyond every one of them (`margin` > 0).
    """
    r = rows["pearson_pooled"]
    trusted = r.fillna(-1) >= least_r if r.notna().any() else np.ones(len(rows), dtype=bool)
    beyond = (rows["against"] != NORMAL) | (rows["margin"] > 0)
    good = rows[rows["stronger"].fillna(False).astype(bool) & (rows["q_value"] < LEVEL) & trusted & beyond]
    order = good.assign(size=good["difference"].abs()).sort_values(
        ["size", "target"], ascending=[False, True]
    )
    return order.drop(columns="size")


def tissue_tests(
    forecast: pd.DataFrame, groups: Groups, higher_is_stronger: bool, normal: pd.DataFrame | None = None
) -> pd.DataFrame:
    """One row per target, group and what it is tested against, with `COLUMNS`; sorted by these three.

    Each group is tested against the samples of all other groups, if there are any; and against `normal`
    tissues, the same targets predicted for them. `higher_is_stronger`: a higher prediction is more dependent.
    False discovery is over all targets and groups, for either kind of test apart.
    """
    values = forecast.to_numpy(np.float64)
    everyone = np.concatenate(list(groups.rows.values())) if groups.rows else np.array([], dtype=np.int64)
    sign = 1.0 if higher_is_stronger else -1.0
    parts = []
    for name, rows in groups.rows.items():
        rest = np.setdiff1d(everyone, rows)
        if len(rest):
            made = compare_groups(values[rows], values[rest])
            parts.append(_rows(forecast.columns, name, OTHERS, made, sign))
        if normal is not None:
            against = normal.reindex(columns=forecast.columns).to_numpy(np.float64)
            made = compare_groups(values[rows], against)
            rows_of_group = _rows(forecast.columns, name, NORMAL, made, sign)
            parts.append(_beyond(rows_of_group, made, against, normal, sign))
    if not parts:
        return pd.DataFrame({name: [] for name in COLUMNS})
    table = pd.concat(parts, ignore_index=True)
    table["q_value"] = np.nan
    for kind in (OTHERS, NORMAL):
        mine = table["against"] == kind
        table.loc[mine, "q_value"] = benjamini_hochberg(table.loc[mine, "p_value"].to_numpy())
    return table.sort_values(["target", "group", "against"], ignore_index=True)[list(COLUMNS)]


def _rows(targets: pd.Index, group: str, against: str, made: GroupTest, sign: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "target": np.array(targets, dtype=object),
            "group": group,
            "against": against,
            "n": made.n,
            "n_against": made.n_against,
            "mean": made.mean,
            "mean_against": made.mean_against,
            "difference": made.difference,
            "effect_size": made.effect_size,
            "t": made.t,
            "p_value": made.p,
            "stronger": sign * made.difference > 0,
            "share_normal": np.nan,
            "strongest_normal": None,
            "margin": np.nan,
        }
    )


def _beyond(
    rows: pd.DataFrame, made: GroupTest, against: np.ndarray, normal: pd.DataFrame, sign: float
) -> pd.DataFrame:
    """Also how the group's mean stands to single normal tissues: those as dependent, the most dependent."""
    known = ~np.isnan(against)
    strength = np.where(known, sign * against, -np.inf)
    has = known.any(axis=0) & ~np.isnan(made.mean)
    reached = (strength >= sign * made.mean) & known
    names = np.array(normal.index, dtype=object)
    strongest = names[strength.argmax(axis=0)].tolist()
    with np.errstate(invalid="ignore", divide="ignore"):
        share = reached.sum(axis=0) / known.sum(axis=0)
        margin = sign * made.mean - strength.max(axis=0)
    return rows.assign(
        share_normal=np.where(has, share, np.nan),
        strongest_normal=pd.Series(strongest, index=rows.index, dtype=object).where(has, None),
        margin=np.where(has, margin, np.nan),
    )
