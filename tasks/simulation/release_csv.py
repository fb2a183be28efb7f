"""Writing DepMap's CSV files: wide matrices fast, small tables whole; the same bytes for the same values."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv


def write_matrix(
    path: Path, keys: Mapping[str, Sequence[str]], labels: Sequence[str], values: np.ndarray
) -> None:
    """Write a rows x columns matrix with key columns before it.

    `keys` maps the header cell ("" for DepMap's empty one) to one text per row; `labels` are the other
    header cells. Each float32 is written with the fewest digits that read back as itself; NaN as an empty
    cell. Texts must need no quotes, as DepMap's ids and labels never do.
    """
    columns = [pa.array(list(column), pa.string()) for column in keys.values()]
    columns += [pa.array(column, from_pandas=True) for column in np.ascontiguousarray(values.T)]
    table = pa.table(columns, names=[str(number) for number in range(len(columns))])
    with path.open("wb") as file:
        file.write((",".join([*keys, *labels]) + "\n").encode())
        options = pa.csv.WriteOptions(include_header=False, quoting_style="none")
        pa.csv.write_csv(table, file, options)


def write_texts(path: Path, columns: Mapping[str, Sequence[str]]) -> None:
    """Write a small table of texts, quoting only where a text holds a comma or a quote, as DepMap does."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
