"""`tissues`: from files of predictions and groups to what differs between tissues, and from normal ones."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from cluster.analyses.records import file_input
from cluster.analyses.writing import Kept, keep
from cluster.store.reader import StoreReader
from tasks.analyses.tissues import LEAST_R, OTHERS, Groups, grouped, standing_out, tissue_tests
from tasks.bounded import digest_of_file
from tasks.errors import BadInputError, Problems
from tasks.forecasts.read import Forecast, read_forecast, read_groups
from tasks.forecasts.tables import read_columns
from tasks.tables.analysis_tables import TISSUES


@dataclass(frozen=True, eq=False)
class Tissues:
    """`table`: the rows of table `tissues`, without `analysis`.

    `normals` is how many normal tissues there are; `left_out` are columns of the forecast that are no target.
    `flagged`: of each group, how many samples `predict` flagged as unlike the training lines; None where the
    file that says so is gone. `normals_flagged`: the same of the normal tissues.
    """

    table: pd.DataFrame
    groups: Groups
    normals: int
    left_out: tuple[str, ...]
    inputs: dict[str, Any]
    flagged: dict[str, int] | None
    normals_flagged: int | None

    def selective(self, group: str, against: str = OTHERS, least_r: float = LEAST_R) -> pd.DataFrame:
        """Targets a group depends on more than what it is tested against: see `standing_out`."""
        rows = self.table[(self.table["group"] == group) & (self.table["against"] == against)]
        return standing_out(rows, least_r)


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
    problems = Problems()
    made = problems.of(lambda: read_forecast(forecast, targets), None)
    group_of = problems.of(lambda: read_groups(groups, by), None)
    tissue = None if normal is None else problems.of(lambda: read_forecast(normal, targets), None)
    if made is None or group_of is None or problems.found:
        raise BadInputError(problems.found)
    found = grouped(list(made.values.index), group_of)
    _check(forecast, groups, found, normal is not None)
    higher = reader.run.get("measure", "effect") != "effect"
    table = tissue_tests(made.values, found, higher, None if tissue is None else tissue.values)
    trust = _trust(forecast)
    table = table.merge(trust, on="target", how="left")
    table["method"] = table["method"].fillna("unknown")
    inputs = {
        "forecast": file_input(forecast.name, digest_of_file(forecast)),
        "groups": file_input(groups.name, digest_of_file(groups)),
        "by": by or "",
    }
    if normal is not None:
        inputs["normal"] = file_input(normal.name, digest_of_file(normal))
    flagged = _flagged_by_group(forecast, made, found)
    normals_flagged = _flagged_in_all(normal, tissue)
    table = _with_flagged(table, flagged, normals_flagged)
    columns = [column.name for column in TISSUES.columns[1:]]
    normals = 0 if tissue is None else len(tissue.values)
    return Tissues(table[columns], found, normals, made.others, inputs, flagged, normals_flagged)


def keep_tissues(reader: StoreReader, made: Tissues) -> Kept:
    """Add it to the store as table `tissues`."""
    schema = pa.schema(list(TISSUES.schema)[1:])
    rows = pa.Table.from_pandas(made.table, schema=schema, preserve_index=False).replace_schema_metadata(None)
    return keep(reader, "tissues", made.inputs, {"tissues": rows})


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


def _flagged_samples(forecast: Path) -> set[str] | None:
    """The samples that `predict` flagged, by the file that it wrote beside; None where that is gone."""
    beside = _beside(forecast, "samples")
    if not beside.is_file():
        return None
    fit = read_columns(beside, ["sample", "flagged"]).to_pandas()
    return set(fit.loc[fit["flagged"].astype(bool), "sample"].astype(str))


def _flagged_by_group(forecast: Path, made: Forecast, found: Groups) -> dict[str, int] | None:
    flagged = _flagged_samples(forecast)
    if flagged is None:
        return None
    names = made.values.index
    return {group: sum(names[row] in flagged for row in rows) for group, rows in found.rows.items()}


def _flagged_in_all(normal: Path | None, made: Forecast | None) -> int | None:
    flagged = None if normal is None else _flagged_samples(normal)
    return None if flagged is None or made is None else sum(name in flagged for name in made.values.index)


def _with_flagged(
    table: pd.DataFrame, flagged: dict[str, int] | None, normals_flagged: int | None
) -> pd.DataFrame:
    """The rows with how many samples on either side are flagged, null where that is not known."""
    of_group = table["group"].map(flagged or {})
    rest = sum((flagged or {}).values()) - of_group
    against = rest.where(table["against"] == OTHERS, normals_flagged)
    return table.assign(flagged=of_group.astype("Int32"), flagged_against=against.astype("Int32"))


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
