"""A table of gene names and ids that the user has: HGNC's, NCBI's gene_info, BioMart's, or one of his own."""

import math
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from tasks.bounded import MOST_TEXTS, open_columns, read_csv
from tasks.errors import BadInputError
from tasks.importing.files import PARQUET_TYPES, file_type
from tasks.importing.matrices import plain
from tasks.importing.parquet_matrix import read_parquet

# Names of columns, as plain(name) writes them; the first that a file has is taken.
_SYMBOL = ("symbol", "genesymbol", "approvedsymbol", "hgncsymbol", "genename", "externalgenename")
_ENTREZ = ("entrezid", "entrezgeneid", "ncbigeneid", "geneid", "entrez", "ncbigeneformerlyentrezgeneid")
_ENSEMBL = ("ensemblgeneid", "ensemblid", "ensembl", "genestableid")
_NAMES = ("aliassymbol", "prevsymbol", "synonyms", "aliassymbols", "previoussymbols", "alias", "aliases")
_NONE = ("", "-")  # how NCBI writes that there is none


@dataclass(frozen=True)
class Record:
    """One gene: its symbol, Entrez id (0: unknown), Ensembl id without version ("": unknown), other names."""

    symbol: str
    entrez: int
    ensembl: str
    others: tuple[str, ...]

    def names(self) -> tuple[str, ...]:
        """All its names, the symbol first."""
        return (self.symbol, *self.others)


@dataclass(frozen=True, eq=False)
class GeneMap:
    """The genes of such a table."""

    records: tuple[Record, ...]

    def symbols(self) -> set[str]:
        """The approved symbols, casefolded."""
        return {record.symbol.casefold() for record in self.records}

    def joined(
        self, by_symbol: Mapping[str, str], by_entrez: Mapping[int, str]
    ) -> Iterator[tuple[str, Record]]:
        """Each of the models' genes with its record: by Entrez id, symbol, else a name of its own."""
        symbols = self.symbols()
        for record in self.records:
            gene = by_entrez.get(record.entrez) or by_symbol.get(record.symbol.casefold())
            if gene is None:
                known = {name.casefold() for name in record.others} - symbols
                found = {by_symbol[name] for name in known if name in by_symbol}
                gene = found.pop() if len(found) == 1 else None
            if gene is not None:
                yield gene, record


def read_gene_map(path: Path) -> GeneMap:
    """Such a table, .tsv, .txt, .csv or .parquet; several names in a cell are separated by | or ,.

    Raises BadInputError where it cannot be read or lacks a column of symbols, or any of ids or names.
    """
    table = _read(path)
    columns = {plain(name): name for name in table.column_names}
    symbol, entrez, ensembl = (_first(columns, wanted) for wanted in (_SYMBOL, _ENTREZ, _ENSEMBL))
    others = [columns[name] for name in _NAMES if name in columns]
    if symbol is None or not (entrez or ensembl or others):
        raise BadInputError(
            f"--gene-ids {path}: expected a column of symbols (symbol, gene_symbol) and one of ids or "
            "names (entrez_id, "
            f"ensembl_gene_id, alias_symbol, prev_symbol); it has {', '.join(table.column_names[:12])}"
        )
    cells = [_texts(table, name) for name in (symbol, entrez, ensembl)]
    named = [_texts(table, name) for name in others]
    records = [
        Record(
            one.strip(),
            int(number) if number.isascii() and number.isdigit() else 0,
            stable.split(".")[0].upper(),
            tuple(
                name
                for cell in rest
                for part in re.split(r"[|,;]", cell)
                if (name := part.strip()) not in _NONE
            ),
        )
        for one, number, stable, *rest in zip(*cells, *named, strict=True)
        if one.strip()
    ]
    return GeneMap(tuple(records))


def _read(path: Path) -> pa.Table:
    if file_type(path) in PARQUET_TYPES:
        return read_parquet(path, MOST_TEXTS)
    separator = "," if ".csv" in path.name.lower() else "\t"
    try:
        return read_csv(
            open_columns(path, 0),
            parse_options=pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=False),
            convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=False),
        )
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        first_line = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise BadInputError(f"--gene-ids {path}: cannot be read as a table: {first_line}") from error


def _first(columns: Mapping[str, str], wanted: tuple[str, ...]) -> str | None:
    return next((columns[name] for name in wanted if name in columns), None)


def _texts(table: pa.Table, name: str | None) -> list[str]:
    if name is None:
        return [""] * table.num_rows
    return [_text(cell) for cell in table.column(name).to_pylist()]


def _text(cell: object) -> str:
    """A cell as text; ids that pandas made floats of lose their ".0"."""
    if isinstance(cell, float):
        return str(int(cell)) if math.isfinite(cell) else ""
    return "" if cell is None else str(cell)
