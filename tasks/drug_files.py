"""Drug response matrices and drug target tables: read, checked, fitted to a Dataset's cell lines."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Float32

from tasks.columns import plain
from tasks.findings import Findings
from tasks.matrices import Matrix
from tasks.models_table import read_text_table
from tasks.problems import BadInputError

_IDS, _TARGETS = ("drugid", "drug"), ("targetgenes", "targets", "target")


def response_of(
    response: Matrix, cell_lines: Sequence[str]
) -> tuple[Float32[np.ndarray, "cell_lines drugs"], list[str]]:
    """The response of the given lines (NaN where there is none), and the file's lines that are not given."""
    rows = {name: row for row, name in enumerate(response.ids)}
    values = np.full((len(cell_lines), len(response.columns)), np.nan, dtype=np.float32)
    for place, line in enumerate(cell_lines):
        if line in rows:
            values[place] = response.values[:, rows[line]]
    wanted = set(cell_lines)
    return values, [line for line in response.ids if line not in wanted]


def read_drug_targets(path: Path) -> pa.Table:
    """Columns drug_id and target_genes (symbols joined by "|", "" where none is known), one row per drug.

    Raises:
        BadInputError: a column is missing, or an id is empty or stands twice.
    """
    table = read_text_table(path)
    places = {plain(name): i for i, name in reversed(list(enumerate(table.columns)))}
    ids = next((places[name] for name in _IDS if name in places), None)
    targets = next((places[name] for name in _TARGETS if name in places), None)
    if ids is None or targets is None:
        raise BadInputError(
            f"{path}: expected the columns drug_id and target_genes, found {table.columns[:8]}"
        )
    findings = Findings(str(path), names="drug")
    for number, row in zip(table.numbers, table.rows, strict=True):
        findings.name_row(number, row[ids])
    if findings.lines():
        raise BadInputError(findings.lines())
    return pa.table(
        {
            "drug_id": [row[ids].strip() for row in table.rows],
            "target_genes": [_joined(row[targets]) for row in table.rows],
        }
    )


def _joined(text: str) -> str:
    return "|".join(gene.strip() for gene in text.split("|") if gene.strip())
