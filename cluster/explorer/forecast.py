"""A file of predictions that `knockcast predict` wrote, wide or long, with the files beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from tasks.analyses.answer.wording import listed
from tasks.bounded import check_cells
from tasks.errors import BadInputError, Problems
from tasks.forecasts.read import read_groups
from tasks.tables.spreadsheets import as_named

LONG = ("sample", "target", "predicted")
BESIDE = ("samples", "low", "high", "targets")


@dataclass(frozen=True, eq=False)
class Forecast:
    """Predictions of new samples. `table`: sample (index) x target, NaN where nothing is predicted.

    `fit`: a row for each sample as `predict` describes it (sample, nearest_line, nearest_lineage, nearest_r,
    known_share, outside_share, flagged, why), None where that file is not there. `low` and `high` as `table`,
    None without intervals. `more`: of a long file its rows, else None. `trust`: a row for each target, which
    method predicts it and how well (target, method, pearson, ...), None where that file is not there.
    `groups`: the group of each sample that has one, from a file of the user's.
    """

    path: Path
    table: pd.DataFrame
    fit: pd.DataFrame | None = None
    low: pd.DataFrame | None = None
    high: pd.DataFrame | None = None
    more: pd.DataFrame | None = None
    trust: pd.DataFrame | None = None
    groups: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def samples(self) -> tuple[str, ...]:
        """The samples, as they stand in the file."""
        return tuple(self.table.index)

    def of_sample(self, sample: str, facts: pd.DataFrame) -> pd.DataFrame:
        """target, predicted, low, high, above, and what a long file says, in the order of the file.

        `above` is how far the prediction is from the mean of the cell lines, in their standard deviations.
        `facts`: target, mean, sd.
        """
        values = self.table.loc[sample]
        frame = pd.DataFrame({"target": values.index, "predicted": values.to_numpy(float)})
        for name, ends in (("low", self.low), ("high", self.high)):
            frame[name] = np.nan if ends is None else ends.loc[sample].reindex(values.index).to_numpy(float)
        if self.more is not None:
            known = ["sample", "predicted", "low", "high"]
            mine = self.more[self.more["sample"] == sample].drop(columns=known, errors="ignore")
            frame = frame.merge(mine, on="target", how="left")
        frame = frame.merge(facts[["target", "mean", "sd"]], on="target", how="left")
        frame["above"] = (frame["predicted"] - frame["mean"]) / frame["sd"].where(frame["sd"] > 0)
        return frame.dropna(subset="predicted").reset_index(drop=True)


def forecast_with_groups(path: Path | None, groups: Path | None, by: str | None = None) -> Forecast | None:
    """The predictions, if any are given, with the group of each sample (column `by` of a file), if given.

    Raises BadInputError with all that is wrong with either file: groups of other samples, for instance.
    """
    if path is None:
        if groups is not None:
            raise BadInputError("--groups: only with --forecast, whose samples it groups")
        return None
    problems = Problems()
    made = problems.of(lambda: read_forecast(path), None)
    nobody: dict[str, str] = {}
    found = nobody if groups is None else problems.of(lambda: read_groups(groups, by), nobody)
    if made is not None and found and not found.keys() & set(made.samples):
        problems.found.append(
            f"--groups {groups}: none of its samples ({listed(list(found)[:3])}) is in {path} "
            f"({listed(made.samples[:3])}); expected the same names"
        )
    if made is None or problems.found:
        raise BadInputError(problems.found)
    return replace(made, groups=found)


def read_forecast(path: Path) -> Forecast:
    """The predictions in a file. Raises BadInputError where it is none that `predict` writes."""
    frame = _read(path)
    beside = {name: _beside(path, name) for name in BESIDE}
    if set(LONG) <= set(frame.columns):
        frame = frame.assign(sample=_names(frame["sample"]), target=_names(frame["target"]))
        low, high = (_wide(frame, end) if end in frame else None for end in ("low", "high"))
        fit, trust = _fit(beside["samples"]), beside["targets"]
        return Forecast(path, _wide(frame, "predicted"), fit, low, high, frame, trust)
    low, high = (None if (end := beside[name]) is None else _indexed(end, path) for name in ("low", "high"))
    return Forecast(path, _indexed(frame, path), _fit(beside["samples"]), low, high, trust=beside["targets"])


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            shape = pq.read_metadata(path)
            check_cells(path, shape.num_rows, shape.num_columns)
            return pd.read_parquet(path).reset_index() if _has_index(path) else pd.read_parquet(path)
        return pd.read_csv(path)
    except FileNotFoundError:
        hint = "there is no such file; `knockcast predict` writes one"
        raise BadInputError(f"--forecast {path}: {hint}") from None
    except (OSError, ValueError) as error:
        raise BadInputError(f"--forecast {path}: cannot be read: {error}") from None


def _has_index(path: Path) -> bool:
    return pd.read_parquet(path, columns=[]).index.name is not None


def _beside(path: Path, what: str) -> pd.DataFrame | None:
    """The file that `predict` wrote beside this one: `predictions.samples.csv`, for instance."""
    found = path.with_name(f"{path.stem}.{what}{path.suffix}")
    return _read(found) if found.exists() else None


def _indexed(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    first = frame.columns[0]
    table = frame.set_index(first)
    table.columns = table.columns.map(as_named)
    table.index = pd.Index(_names(table.index.to_series()), name=table.index.name)
    if not len(table.columns) or not all(pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes):
        raise BadInputError(
            f"--forecast {path}: expected samples x targets, all numbers but the first column"
        )
    if table.index.has_duplicates:
        raise BadInputError(f"--forecast {path}: a sample stands in it twice")
    return table.astype(np.float32)


def _names(cells: "pd.Series") -> "pd.Series":
    return cells.astype(str).map(as_named)


def _wide(frame: pd.DataFrame, values: str) -> pd.DataFrame:
    return frame.pivot(index="sample", columns="target", values=values).astype(np.float32)


def _fit(frame: pd.DataFrame | None) -> pd.DataFrame | None:
    return None if frame is None else frame.assign(sample=_names(frame["sample"]))
