"""Gene symbols of files and Datasets, brought to one spelling; and files read with their sha256."""

import gzip
import hashlib
import io
import re
import zlib
from pathlib import Path

from tasks.bounded import MOST_ROWS, read_whole
from tasks.dataset.gene_labels import parse_gene_label
from tasks.errors import BadInputError

_SYMBOL = re.compile(r"[A-Za-z0-9][\w.\-@/]*")  # HLA-DRB1, NKX2-5, C1orf112, AC005258.1, H2BC12
MOST_BYTES = 2**26  # of a file, unpacked or not; MSigDB's largest has 2**24
_NUMBER = re.compile(r"\d+")


def symbol_of(label: str) -> str:
    """The symbol of a gene's label, in capitals: files of gene sets and DepMap write C1orf112 differently."""
    return parse_gene_label(label).symbol.upper()


def is_symbol(text: str) -> bool:
    """Whether a text can be a gene symbol: one word, and no bare number (an Entrez id)."""
    return _SYMBOL.fullmatch(text) is not None and _NUMBER.fullmatch(text) is None


def read_bytes(path: Path) -> tuple[bytes, str]:
    """A file's content, unpacked where its name ends in .gz, and the sha256 of the file.

    Raises BadInputError where it cannot be read, is no regular file, or has more than `MOST_BYTES`.
    """
    try:
        data = read_whole(path, MOST_BYTES)
        whole = _unpacked(path, data) if path.suffix.lower() == ".gz" else data
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInputError(f"{path}: the compressed file is damaged ({error}); download it again") from error
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error
    return whole, hashlib.sha256(data).hexdigest()


def _unpacked(path: Path, data: bytes) -> bytes:
    with gzip.open(io.BytesIO(data)) as file:
        whole = file.read(MOST_BYTES + 1)
    if len(whole) > MOST_BYTES:
        raise BadInputError(f"{path}: holds more than {MOST_BYTES} bytes when it is unpacked: is it damaged?")
    return whole


def text_of(path: Path, data: bytes) -> str:
    """The text of some bytes, a byte order mark left out.

    Raises BadInputError where it is not UTF-8 or has more lines than any real file.
    """
    if (lines := data.count(b"\n")) > MOST_ROWS:
        raise BadInputError(f"{path}: has {lines} lines; expected {MOST_ROWS} at most: is it damaged?")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadInputError(f"{path}: line {line}: not UTF-8 text; save it as UTF-8") from error


def name_of(path: Path) -> str:
    """What a file's rows are named by in tables: its name without type, KEGG_2021_Human."""
    name = path.name.removesuffix(".gz")
    return name.rsplit(".", 1)[0] if "." in name else name
