"""Reads a delimited matrix fast, through pyarrow; where that fails or looks odd, another pass says why."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from jaxtyping import Float32

from tasks.errors import BadInputError
from tasks.importing.columns import ColumnPlan, is_default_entry, plan_columns
from tasks.importing.matrices import Kind, Matrix, is_clean, take_rows, value_names
from tasks.importing.text_diagnosis import diagnose
from tasks.importing.text_files import MISSING, read_header, separator_of

BLOCK_BYTES = 16 * 2**20


def read_text_matrix(path: Path, kind: Kind) -> Matrix:
    """A CSV or TSV matrix (.gz too).

    Raises:
        BadInputError: every problem of the file, with row or column.
    """
    header = read_header(path)
    plan = plan_columns(header)
    try:
        matrix = _read_fast(path, header, plan)
    except (pa.ArrowException, OSError) as error:
        first_line = str(error).splitlines()[0][:200]
        found = diagnose(path, header, plan, kind)
        raise BadInputError(found or f"{path}: cannot be read: {first_line}") from error
    if not is_clean(matrix, kind):
        raise BadInputError(diagnose(path, header, plan, kind) or f"{path}: holds no usable values")
    return matrix


def _read_fast(path: Path, header: list[str], plan: ColumnPlan) -> Matrix:
    table = pa.csv.read_csv(
        pa.input_stream(str(path), compression="gzip" if path.suffix.lower() == ".gz" else None),
        # Columns go by position: a header may hold a name twice, and saying so is the other pass's task.
        read_options=pa.csv.ReadOptions(
            skip_rows=1, column_names=[str(i) for i in range(len(header))], block_size=BLOCK_BYTES
        ),
        parse_options=pa.csv.ParseOptions(delimiter=separator_of(path)),
        convert_options=_conversions(plan),
    )
    ids = table.column(str(plan.identifier)).to_pylist()
    rows = np.arange(len(ids))
    if plan.default is not None:
        rows = np.flatnonzero(
            [is_default_entry(text) for text in table.column(str(plan.default)).to_pylist()]
        )
    kept = set(rows.tolist())
    return Matrix(
        file=str(path),
        ids=[ids[row] for row in rows],
        columns=value_names(header, plan),
        values=take_rows(_values(table, plan), rows),
        described_by=plan.set_aside,
        other_entries=tuple(name for row, name in enumerate(ids) if row not in kept),
    )


def _conversions(plan: ColumnPlan) -> pa.csv.ConvertOptions:
    texts = [plan.identifier] if plan.default is None else [plan.identifier, plan.default]
    types = {str(i): pa.string() for i in texts} | {str(i): pa.float32() for i in plan.values}
    return pa.csv.ConvertOptions(
        column_types=types,
        include_columns=list(types),
        null_values=sorted(MISSING),
        strings_can_be_null=False,
    )


def _values(table: pa.Table, plan: ColumnPlan) -> Float32[np.ndarray, "columns rows"]:
    values = np.empty((len(plan.values), table.num_rows), dtype=np.float32)
    for row, position in enumerate(plan.values):
        values[row] = table.column(str(position)).to_numpy()
    return values
