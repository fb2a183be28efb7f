"""On which arm of which chromosome genes lie, from a table that names their bands, such as HGNC's."""

import re
from pathlib import Path

from tasks.errors import BadInputError
from tasks.gene_sets.paralogs import columns_of
from tasks.gene_sets.symbols import is_symbol, read_bytes

SYMBOLS = ("symbol", "gene_symbol", "gene", "gene name", "approved symbol", "hgnc symbol")
PLACES = ("arm", "location", "cytoband", "band", "chromosome location", "map_location", "karyotype band")
_ARM = re.compile(r"(?:chr)?(\d{1,2}|[XY])([pq])", re.IGNORECASE)


def read_arms(path: Path) -> dict[str, str]:
    """The arm of each gene, `17q`, by symbol in capitals: .csv, .tsv, .txt (.gz too) or .parquet.

    The place may be an arm or a band (17q21.31, chr17q21); genes whose place names no arm are left out.
    Raises BadInputError where no two columns name symbols and places, or no place names an arm.
    """
    names, columns = columns_of(path, read_bytes(path)[0])
    spelled = [name.strip().lower() for name in names]
    symbol, place = (_first(spelled, known) for known in (SYMBOLS, PLACES))
    if symbol is None or place is None:
        raise BadInputError(
            f"{path}: expected a column of symbols ({', '.join(SYMBOLS)}) and one of places "
            f"({', '.join(PLACES)}); it has {', '.join(names) or 'none'}"
        )
    found = {}
    for gene, where in zip(columns[symbol], columns[place], strict=True):
        match = _ARM.match(str(where or "").strip())
        if match and is_symbol(str(gene)):
            found[str(gene).strip().upper()] = match[1].upper() + match[2].lower()
    if not found:
        raise BadInputError(
            f"{path}: column {names[place]!r} names no arm; expected places such as 17q or 17q21.31"
        )
    return found


def _first(names: list[str], known: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in known if name in names), None)
