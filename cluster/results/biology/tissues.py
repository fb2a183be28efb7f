"""`tissues`: from files of predictions and groups to what differs between tissues, and from normal ones."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from cluster.analyses.records import file_input
from cluster.analyses.writing import Kept, keep
from cluster.store.body import sha256
from cluster.store.reader import StoreReader
from tasks.analyses.tissues import NORMAL, OTHERS, Groups, grouped, tissue_tests
from tasks.errors import BadInputError
from tasks.forecasts.read import Forecast, read_forecast, read_groups
from tasks.forecasts.tables import read_columns
from tasks.tables.analysis_tables import TISSUES

LEVEL = 0.05
LEAST_R = 0.2  # out of fold, of targets that are shown first


@dataclass(frozen=True, eq=False)
class Tissues:
    """`table`: the rows of table `tissues`, without `analysis`.

    `normals` is how many normal tissues there are; `left_out` are columns of the forecast that are no target.
    `flagged`: of each group, how many samples `predict` flagged as unlike the training lines; None where the
    file that says so is gone.
    """

    table: pd.DataFrame
    groups: Groups
    normals: int
    left_out: tuple[str, ...]
    inputs: dict[str, Any]
    flagged: dict[str, int] | None

    def selective(self, group: str, against: str = OTHERS, least_r: float = LEAST_R) -> pd.DataFrame:
        """Targets a group depends on more than what it is tested against, largest difference first.

        At q < 0.05, of targets predicted with `least_r` out of fold or better; against normal tissues only
        those beyond every one of them (`margin` > 0).
        """
        rows = self.table[(self.table["group"] == group) & (self.table["against"] == against)]
        trusted = rows["pearson_pooled"].fillna(-1) >= least_r
        rows = rows[rows["stronger"] & (rows["q_value"] < LEVEL) & trusted]
        rows = rows[rows["margin"] > 0] if against == NORMAL else rows
        size = rows["difference"].abs()
        return (
            rows.assign(size=size)
            .sort_values(["size", "target"], ascending=[False, True])
            .drop(columns="size")
        )


def tissues(
    reader: StoreReader, forecast: Path, groups: Path, by: str | None = None, normal: Path | None = None
) -> Tissues:
    """Compare groups of the samples of a forecast, and each of them with a forecast of normal tissues.

    Raises BadInputError with every problem of all files, and where no group has three samples.
    """
    facts = reader.targets()
    if facts is None:
        raise BadInputError(
            f"{reader.fs.name}: the facts of its targets are missing; `knockcast resume` writes them"
        )
    targets = facts.column("target").to_pylist()
    problems: list[str] = []
    made = _tried(lambda: read_forecast(forecast, targets), problems)
    group_of = _tried(lambda: read_groups(groups, by), problems)
    tissue = None if normal is None else _tried(lambda: read_forecast(normal, targets), problems)
    if problems:
        raise BadInputError(problems)
    found = grouped(list(made.values.index), group_of)
    _check(forecast, groups, found, normal is not None)
    higher = reader.run.get("measure", "effect") != "effect"
    table = tissue_tests(made.values, found, higher, None if tissue is None else tissue.values)
    trust = _trust(forecast)
    table = table.merge(trust, on="target", how="left")
    table["method"] = table["method"].fillna("unknown")
    inputs = {
        "forecast": file_input(forecast.name, sha256(forecast.read_bytes())),
        "groups": file_input(groups.name, sha256(groups.read_bytes())),
        "by": by or "",
    }
    if normal is not None:
        inputs["normal"] = file_input(normal.name, sha256(normal.read_bytes()))
    columns = [column.name for column in TISSUES.columns[1:]]
    normals = 0 if tissue is None else len(tissue.values)
    return Tissues(table[columns], found, normals, made.others, inputs, _flagged(forecast, made, found))


def keep_tissues(reader: StoreReader, made: Tissues) -> Kept:
    """Add it to the store as table `tissues`."""
    schema = pa.schema(list(TISSUES.schema)[1:])
    rows = pa.Table.from_pandas(made.table, schema=schema, preserve_index=False).replace_schema_metadata(None)
    return keep(reader, "tissues", made.inputs, {"tissues": rows})


def _tried(read: Any, problems: list[str]) -> Any:
    try:
        return read()
    except BadInputError as error:
        problems += error.problems
        return None


def _check(forecast: Path, groups: Path, found: Groups, has_normal: bool) -> None:
    if not found.rows:
        small = ", ".join(f"{name} {n}" for name, n in found.small.items())
        what = (
            f"no group has 3 samples or more ({small})" if small else "none of its samples is in the forecast"
        )
        raise BadInputError(f"{groups}: {what}; expected groups of the samples of {forecast}")
    if len(found.rows) == 1 and not has_normal:
        raise BadInputError(
            f"{groups}: only {next(iter(found.rows))!r} has 3 samples or more; expected two such groups, or "
            "--normal with predictions of normal tissues"
        )


def _flagged(forecast: Path, made: Forecast, found: Groups) -> dict[str, int] | None:
    beside = _beside(forecast, "samples")
    if not beside.is_file():
        return None
    fit = read_columns(beside, ["sample", "flagged"]).to_pandas()
    flagged = set(fit.loc[fit["flagged"].astype(bool), "sample"].astype(str))
    names = made.values.index
    return {group: sum(names[row] in flagged for row in rows) for group, rows in found.rows.items()}


def _beside(forecast: Path, what: str) -> Path:
    """The file of that name that `predict` wrote beside the forecast."""
    return forecast.with_name(f"{forecast.stem}.{what}{forecast.suffix}")


def _trust(forecast: Path) -> pd.DataFrame:
    """Method and r of each target, from what `predict` wrote beside it; empty where that is gone."""
    beside = _beside(forecast, "targets")
    columns = ["target", "method", "pearson_pooled"]
    if not beside.is_file():
        nothing = pd.DataFrame({name: pd.Series(dtype=object) for name in columns})
        return nothing.astype({"pearson_pooled": np.float64})
    return read_columns(beside, columns).to_pandas().drop_duplicates("target")
