"""Predictions as `knockcast predict` writes them, wide or long, and the group of each sample."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.errors import BadInputError
from tasks.forecasts.tables import columns_of, read_columns, sample_column
from tasks.importing.files import MISSING
from tasks.tables.spreadsheets import as_named

LONG = ("sample", "target", "predicted")
GROUPS = ("group", "cohort", "tissue", "lineage", "cancer_type", "type", "disease")
MOST_NAMED = 10


@dataclass(frozen=True, eq=False)
class Forecast:
    """`values`: samples × targets, NaN where there is no prediction. `others`: columns that are no target."""

    values: pd.DataFrame
    others: tuple[str, ...]


def read_forecast(path: Path, targets: Collection[str]) -> Forecast:
    """A file of predictions of some of these `targets`, wide (samples × targets) or long (`--long`).

    Raises BadInputError with every problem: samples or pairs that are there twice, columns that are no
    numbers, no target that is known.
    """
    names = columns_of(path)
    others: tuple[str, ...] = ()
    if set(LONG) <= set(names):
        frame = _long(path)
    else:
        sample = sample_column(path, names)
        known = [name for name in names if as_named(name) in set(targets)]
        others = tuple(name for name in names if name not in {sample, *known})
        frame = _wide(path, sample, known)
    known = [name for name in frame.columns if name in set(targets)]
    if not known:
        raise BadInputError(
            f"{path}: holds none of the store's {len(targets)} targets; expected what `knockcast predict` "
            "wrote from this store: samples x targets, or the rows of --long"
        )
    return Forecast(frame[known], (*others, *(name for name in frame.columns if name not in set(known))))


def read_groups(path: Path, by: str | None = None) -> dict[str, str]:
    """The group of each sample, from a table with a column of samples and one of groups.

    `by` names the latter; else it is called one of `GROUPS`, or is the only other column. Samples without a
    group are left out. Raises BadInputError with every problem.
    """
    names = columns_of(path)
    sample = sample_column(path, names)
    others = [name for name in names if name != sample]
    spelled = {name.lower(): name for name in reversed(others)}
    column = by or next((spelled[name] for name in GROUPS if name in spelled), None)
    column = column or (others[0] if len(others) == 1 else None)
    if column is None or column not in names:
        what = f"no column {column!r}" if column else f"no column called {', '.join(GROUPS)}"
        shown = ", ".join(others[:MOST_NAMED]) + (", ..." if len(others) > MOST_NAMED else "")
        raise BadInputError(f"{path}: {what}; name the column of groups by --by: it has {shown}")
    table = read_columns(path, [sample, column])
    pairs = list(zip(*(_texts(table.column(name)) for name in (sample, column)), strict=True))
    found: dict[str, str] = {}
    problems = []
    for one, group in pairs:
        if not one or not group:
            continue
        if found.setdefault(one, group) != group:
            problems.append(
                f"{path}: sample {one!r} is in {found[one]!r} and in {group!r}; give it one group"
            )
    if not found and not problems:
        problems.append(f"{path}: no sample has a group in column {column!r}")
    if problems:
        raise BadInputError(problems)
    return found


def _wide(path: Path, sample: str, known: list[str]) -> pd.DataFrame:
    table = read_columns(path, [sample, *known])
    numbers = {name: table.column(name) for name in known}
    wrong = [name for name, column in numbers.items() if not _is_number(column.type)]
    if wrong:
        raise BadInputError(
            [f"{path}: column {name!r} holds {numbers[name].type}; expected numbers" for name in wrong]
        )
    samples = _texts(table.column(sample))
    if twice := [name for name, count in Counter(samples).items() if count > 1]:
        raise BadInputError([f"{path}: sample {name!r} is there twice; keep one row" for name in twice])
    values = np.column_stack(
        [column.cast(pa.float64()).to_numpy(zero_copy_only=False) for column in numbers.values()]
        or [np.empty((len(samples), 0))]
    )
    return pd.DataFrame(values, index=samples, columns=[as_named(name) for name in known])


def _long(path: Path) -> pd.DataFrame:
    table = read_columns(path, LONG)
    if not _is_number(table.column("predicted").type):
        raise BadInputError(f"{path}: column 'predicted' holds {table.column('predicted').type}, not numbers")
    frame = table.to_pandas()
    for name in LONG[:2]:
        frame[name] = frame[name].astype(str).map(as_named)
    twice = frame[frame.duplicated(["sample", "target"])]
    if len(twice):
        row = twice.iloc[0]
        raise BadInputError(
            f"{path}: sample {row['sample']!r}, target {row['target']!r} is there twice, as {len(twice)} "
            "rows are; keep one of each"
        )
    wide = frame.pivot_table(index="sample", columns="target", values="predicted", dropna=False)
    order = list(dict.fromkeys(frame["sample"]))
    return wide.loc[order].astype(np.float64)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind))


def _texts(column: pa.ChunkedArray) -> list[str]:
    texts = ("" if value is None else as_named(str(value).strip()) for value in column.to_pylist())
    return ["" if text in MISSING else text for text in texts]
