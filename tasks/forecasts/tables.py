"""Tables of samples: columns of a file of any known type, and which one names the samples."""

import zlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from tasks.bounded import check_cells, check_regular, open_long, read_csv
from tasks.bounded_parquet import read_texts
from tasks.errors import BadInputError
from tasks.importing.files import PARQUET_TYPES, TEXT_TYPES, dialect_of_file, file_type

SAMPLES = ("sample", "sample_id", "sample_barcode", "sampleid", "model_id", "cell_line", "depmap_id", "id")


def columns_of(path: Path) -> list[str]:
    """The names of a table's columns. Raises BadInputError where it cannot be read as one."""
    check_regular(path)
    if file_type(path) in PARQUET_TYPES:
        return list(_parquet(path).schema_arrow.names)
    return list(_csv(path, None).column_names)


def read_columns(path: Path, columns: Sequence[str]) -> pa.Table:
    """Some columns of a table: .csv, .tsv, .txt (.gz too) or .parquet. BadInputError where that fails."""
    check_regular(path)
    if file_type(path) in PARQUET_TYPES:
        file = _parquet(path)
        check_cells(path, file.metadata.num_rows, len(columns))
        try:
            return read_texts(path, path, columns)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from error
    return _csv(path, columns)


def sample_column(path: Path, names: Sequence[str]) -> str:
    """The column that names the samples: one so called, else the first."""
    spelled = {name.lower(): name for name in reversed(names)}
    found = next((spelled[name] for name in SAMPLES if name in spelled), None)
    if not names:
        raise BadInputError(f"{path}: has no columns; expected one with the samples' ids first")
    return found or names[0]


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def _csv(path: Path, columns: Sequence[str] | None) -> pa.Table:
    if file_type(path) not in TEXT_TYPES:
        raise BadInputError(f"{path}: expected {', '.join(TEXT_TYPES)} (or .gz of these) or .parquet")
    dialect = dialect_of_file(path)
    parse = pyarrow.csv.ParseOptions(delimiter=dialect.separator, newlines_in_values=True)
    convert = pyarrow.csv.ConvertOptions(include_columns=columns, decimal_point=dialect.decimal)
    try:
        return read_csv(open_long(path), parse_options=parse, convert_options=convert)
    except (EOFError, zlib.error, pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> BadInputError:
    reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
    return BadInputError(f"{path}: cannot be read as a table ({reason}); check the path and the file")
