"""A Dataset folder on disk: its sealed JSON, its content hash, its files; it appears whole or not at all."""

import errno
import hashlib
import json
import os
import shutil
import tempfile
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.dataset.gene_labels import GeneNames, parse_gene_label
from tasks.errors import BadInputError

# A Dataset without layers is written as release 0.1 did, which can read it.
WITHOUT_LAYERS, WITH_LAYERS = 1, 2
FORMAT_VERSION = WITH_LAYERS  # the newest that is read
BODY = "dataset.json"
# What numpy raises for a damaged header, which it reads as Python's text.
UNREADABLE_ARRAY = (OSError, ValueError, EOFError, TypeError, OverflowError, SyntaxError, tokenize.TokenError)


def canonical(body: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys and no spaces: one spelling per value, so that it can be hashed."""
    return json.dumps(
        body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def seal(body: Mapping[str, Any]) -> bytes:
    """Readable JSON that carries the sha256 of its own body under the key `sha256`."""
    sealed = {**body, "sha256": hashlib.sha256(canonical(body)).hexdigest()}
    return (json.dumps(sealed, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def unseal(path: Path) -> dict[str, Any]:
    """The body of a sealed JSON file.

    Raises:
        BadInputError: it is missing, changed since it was written, or of a newer format than is read here.
    """
    try:
        _require_regular(path)
        sealed = json.loads(path.read_bytes())
    except OSError as error:
        raise BadInputError(
            f"{path.parent}: not a Dataset: {path.name} cannot be read ({error.strerror}); "
            "expected a folder written by `knockcast import`"
        ) from error
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: damaged: not JSON; import the release again") from error
    if not isinstance(sealed, dict):
        raise BadInputError(f"{path}: damaged: expected a JSON object; import the release again")
    _refuse_newer(path, sealed.get("format"))
    written = sealed.pop("sha256", None)
    if written != hashlib.sha256(canonical(sealed)).hexdigest():
        raise BadInputError(
            f"{path}: changed since it was written (its sha256 differs); import the release again"
        )
    return sealed


def _require_regular(path: Path) -> None:
    """Refuse what is no file: reading a pipe would never end."""
    if path.exists() and not path.is_file():
        raise BadInputError(f"{path}: not a regular file; expected one written by `knockcast import`")


def _refuse_newer(path: Path, version: object) -> None:
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise BadInputError(
            f"{path.parent}: written by a newer knockcast (format {version}; this one reads "
            f"{FORMAT_VERSION}): update knockcast, or import the release again with this one"
        )


def content_hash(ids: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """sha256 (hex) over ids and arrays alone: the same data hashes alike whenever and wherever imported.

    Arrays enter by name, shape and little-endian float32 bytes in C order; see `tidy` for NaN and −0.
    """
    digest = hashlib.sha256(canonical(ids))
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name], dtype="<f4")
        digest.update(canonical({"array": name, "shape": list(array.shape)}))
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def tidy(values: np.ndarray) -> np.ndarray:
    """The values as C-ordered float32 with one spelling of missing (NaNs differ in bits) and of zero."""
    tidied = np.array(values, dtype="<f4", order="C")
    tidied[np.isnan(tidied)] = np.nan
    tidied += np.float32(0)  # −0 + 0 is +0
    return tidied


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file and waits until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_array(path: Path, array: np.ndarray) -> None:
    """Writes a .npy file and waits until it is on the disk."""
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())


def write_table(path: Path, table: pa.Table) -> None:
    """Writes a Parquet file with page checksums and waits until it is on the disk."""
    with path.open("wb") as file:
        pq.write_table(table, file, compression="zstd", write_page_checksum=True)
        file.flush()
        os.fsync(file.fileno())


def read_array(path: Path) -> np.ndarray:
    """A memory-mapped, read-only .npy file; BadInputError where it is missing, cut short or not an array."""
    _require_regular(path)
    try:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except UNREADABLE_ARRAY as error:
        _raise_if_short_of_files(error)
        raise BadInputError(f"{path}: missing or damaged ({error}); import the release again") from error
    if array.ndim != 2 or array.dtype != np.dtype("<f4"):
        raise BadInputError(f"{path}: damaged: expected a float32 matrix; import the release again")
    return array


def read_table(path: Path, wanted: Sequence[str] = ()) -> pa.Table:
    """A Parquet file with its page checksums verified.

    Raises BadInputError where it is missing, damaged, or lacks one of the columns that are `wanted`.
    """
    _require_regular(path)
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        names = table.column_names
    except (OSError, ValueError, pa.ArrowException) as error:  # ValueError: names that are no text
        _raise_if_short_of_files(error)
        first_line = str(error).splitlines()[0]
        raise BadInputError(f"{path}: missing or damaged ({first_line}); import the release again") from error
    if lacking := [name for name in wanted if name not in names]:
        raise BadInputError(f"{path}: damaged: it has no column {lacking[0]}; import the release again")
    return table


def file_hash(path: Path) -> str:
    """The sha256 (hex) of a file's bytes; BadInputError where it cannot be read."""
    _require_regular(path)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        _raise_if_short_of_files(error)
        raise BadInputError(f"{path}: missing or damaged ({error}); import the release again") from error


def _raise_if_short_of_files(error: Exception) -> None:
    """Raise it as it came where no more files may be open at once: that is no fault of the file."""
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        raise error


def genes_table(labels: Sequence[str], entrez: np.ndarray) -> pa.Table:
    """How genes are stored: their unique label, the bare symbol, the Entrez id (0: unknown)."""
    symbols = [parse_gene_label(label).symbol for label in labels]
    return pa.table({"label": list(labels), "symbol": symbols, "entrez": entrez})


def read_genes(path: Path) -> GeneNames:
    """The genes that `genes_table` stored."""
    table = read_table(path, ("label", "symbol", "entrez"))
    labels, symbols = (tuple(table.column(name).to_pylist()) for name in ("label", "symbol"))
    return GeneNames(labels, symbols, table.column("entrez").to_numpy().astype(np.int64))


def refuse_existing(out: Path) -> None:
    """BadInputError where `out` exists already: results are never overwritten."""
    if os.path.lexists(out):
        raise BadInputError(
            f"{out}: exists already and is never overwritten; name another or remove it first"
        )


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to write into, beside `out`; it takes that name in one step when the block ends well.

    Where the block raises, nothing is left behind but parent folders made for it. The files must have been
    synced by their writers.
    """
    refuse_existing(out)
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".unfinished", dir=out.parent))
    try:
        yield beside
        beside.chmod(0o777 & ~_umask())  # mkdtemp's folders are private, ours need not be
        sync_folder(beside)
        beside.rename(out)
        sync_folder(out.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)  # no longer there if it was renamed


def sync_folder(path: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
