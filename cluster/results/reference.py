"""What a store says of samples: the genes that its models take, and lines to compare with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cluster.errors import StorageError
from cluster.store import layout
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD
from cluster.views.run_dataset import dataset_of, lineages_of
from tasks.artifacts.files import networks_of, training_of
from tasks.samples.fit import Reference
from tasks.samples.gene_ids import GeneIndex, index_of
from tasks.samples.gene_map import GeneMap


@dataclass(frozen=True, eq=False)
class Known:
    """`index` finds the models' genes; `reference` are the training lines, None where nothing keeps them.

    `why_not` says what is missing to judge samples by, and why; empty where nothing is.
    """

    index: GeneIndex
    reference: Reference | None
    why_not: str


def known_of(reader: StoreReader, given: GeneMap | None = None) -> Known:
    """What the store says, its Dataset where that is still there, and a map of ids that the user has."""
    dataset = dataset_of(reader, verify=False)
    reference = _reference_of(reader)
    genes = dict.fromkeys([] if reference is None else reference.genes)
    genes |= dict.fromkeys(_genes_of_models(reader, with_networks=reference is None))
    entrez: Mapping[str, int] = {}
    if dataset is not None:
        entrez = dict(zip(dataset.genes, map(int, dataset.gene_entrez), strict=True))
    return Known(index_of(list(genes), entrez, given), reference, _why_not(reader, reference))


def _reference_of(reader: StoreReader) -> Reference | None:
    """The copy that final models predict from, else the Dataset's; lineages are of table `cell_lines`."""
    if copies := sorted(reader.fs.paths(layout.TRAINING)):
        try:
            copy = training_of(reader.training(Path(copies[0]).stem))
        except StorageError:  # models that predict from it will say so; others can do without
            pass
        else:
            lineages = lineages_of(reader)
            named = [lineages.get(line, "") for line in copy.cell_lines]
            return Reference(copy.cell_lines, named, copy.genes, copy.expression)
    dataset = dataset_of(reader)
    if dataset is None:
        return None
    return Reference(dataset.cell_lines, dataset.lineages, dataset.genes, np.asarray(dataset.expression))


def _genes_of_models(reader: StoreReader, with_networks: bool) -> list[str]:
    """The genes that final models name: modifiers, and what networks take."""
    genes: dict[str, None] = {}
    networks: set[str] = set()
    for commit, rows in reader.parts("models", ["modifiers", "parameters"]):
        if commit.units[0].fold != FINAL_FOLD:
            continue
        for named in rows.column("modifiers").to_pylist():
            genes |= dict.fromkeys(named or ())
        said = rows.column("parameters").drop_null().to_pylist()
        networks |= {json.loads(text).get("networks", "") for text in said if '"networks"' in text}
    if with_networks:
        for sha256 in sorted(networks - {""}):
            genes |= dict.fromkeys(networks_of(reader.weights(sha256)).genes)
    return list(genes)


def _why_not(reader: StoreReader, reference: Reference | None) -> str:
    if reference is None:
        return (
            "samples are not compared with the training lines (no nearest line, no outside_share): the "
            "store keeps no training expression, as its methods need none, and its Dataset does not lie "
            f"unchanged where a run found it ({_places(reader)}); only values that cannot be log2(TPM+1) are "
            "flagged"
        )
    if not reference.is_enough:
        return (
            f"samples are not compared with the training lines: {len(reference.cell_lines)} lines and "
            f"{len(reference.genes)} genes are too few for limits; only values that cannot be log2(TPM+1) "
            "are flagged"
        )
    if not any(reference.lineages) and dataset_of(reader, verify=False) is None:
        return (
            "nearest_lineage is empty: the store has no table of its cell lines (made before 0.2), and its "
            f"Dataset does not lie where a run found it ({_places(reader)}); put it back there to have them"
        )
    return ""


def _places(reader: StoreReader) -> str:
    return " or ".join(reader.datasets()) or "no place is recorded"
