"""The target genes of drugs: words of a table, and columns of a matrix."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Int64

from tasks.dataset.gene_labels import parse_gene_label

Columns = tuple[Int64[np.ndarray, " _"], ...]


def target_genes(table: pa.Table | None) -> dict[str, list[str]]:
    """By drug, the words of a table of drug_id and target_genes (joined by "|"); empty without a table."""
    rows = [] if table is None else table.to_pylist()
    return {row["drug_id"]: [gene for gene in row["target_genes"].split("|") if gene] for row in rows}


def target_columns(
    drugs: Sequence[str], targets: Mapping[str, Sequence[str]], labels: Sequence[str], known: set[str]
) -> Columns:
    """Each drug's target genes as columns of a matrix; a symbol that genes share settles nothing.

    `labels` are those of the columns, of which only the `known` count.
    """
    found: dict[str, list[int]] = {}
    for column, label in enumerate(labels):
        if label in known:
            found.setdefault(parse_gene_label(label).symbol, []).append(column)
    place = {symbol: columns[0] for symbol, columns in found.items() if len(columns) == 1}
    return tuple(
        np.array(sorted({place[gene] for gene in targets.get(drug, ()) if gene in place}), dtype=np.int64)
        for drug in drugs
    )


def measured_targets(targets: Sequence[str], effect: Float32[np.ndarray, "cell_lines targets"]) -> set[str]:
    """The labels of targets with a value in any cell line."""
    empty = np.isnan(effect).all(axis=0)
    return {target for target, none in zip(targets, empty, strict=True) if not none}
