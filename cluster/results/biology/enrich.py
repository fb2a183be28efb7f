"""`enrich`: what the modifiers of a store's targets have in common, and how genes are related."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cluster.analyses.writing import Kept, keep
from cluster.store import layout
from cluster.store.reader import StoreReader
from cluster.views.folds import control_folds
from cluster.views.genes import judged_targets
from cluster.views.run_dataset import dataset_of
from tasks.analyses.enrichment import Enrichment, Lists, enrichment
from tasks.artifacts.files import training_of
from tasks.errors import BadInputError, Problems
from tasks.gene_sets.aliases import pairs_by, sets_by
from tasks.gene_sets.gmt import GeneSets, read_gmt
from tasks.gene_sets.paralogs import Paralogs, read_paralogs
from tasks.gene_sets.symbols import symbol_of
from tasks.tables.schemas import TABLES

SCORE = "pearson_pooled"  # what the top targets are the top by


@dataclass(frozen=True)
class Knowledge:
    """What is known of genes: collections of sets, and tables of paralogs; no two have one name."""

    collections: tuple[GeneSets, ...]
    paralogs: tuple[Paralogs, ...]


@dataclass(frozen=True, eq=False)
class Enriched:
    """What `enrich` found. `tables` are those it adds to the store, without their column `analysis`."""

    method: str
    lists: Lists
    found: Enrichment
    tables: dict[str, pa.Table]
    inputs: dict[str, Any]

    def frame(self, table: str) -> pd.DataFrame:
        """One of its tables."""
        return self.tables[table].to_pandas()


def read_knowledge(gene_sets: Sequence[Path], paralogs: Sequence[Path]) -> Knowledge:
    """The files of gene sets and of paralogs. Raises BadInputError with every problem of all of them."""
    problems = Problems()
    if not gene_sets and not paralogs:
        problems.found.append("nothing to look for: give --gene-sets F.gmt, --paralogs F, or both")
    collections = [made for path in gene_sets if (made := problems.of(partial(read_gmt, path), None))]
    tables = [read for path in paralogs if (read := problems.of(partial(read_paralogs, path), None))]
    names = [each.name for each in collections] + [each.name for each in tables]
    twice = sorted({name for name in names if names.count(name) > 1})
    problems.found += [f"two files are named {name!r}: rename one, for results go by it" for name in twice]
    if problems.found:
        raise BadInputError(problems.found)
    return Knowledge(tuple(collections), tuple(tables))


def enrich(
    reader: StoreReader,
    known: Knowledge,
    top: int = 100,
    targets: Collection[str] | None = None,
    method: str | None = None,
) -> Enriched:
    """Test modifiers of the `top` targets by pooled r (or of a list of `targets`) against what is known.

    A target's modifiers are those that more than half of its folds chose. `method` is whose; without one,
    `modifiers`, or else the first by name that has any. Genes of files go by the run's symbols, renamed
    ones too. Raises BadInputError where no method has modifiers,
    or the genes of the run are not to be found.
    """
    method = _method_of(reader, method)
    universe = sorted({symbol_of(gene) for gene in run_genes(reader)})
    genes, _ = judged_targets(reader, method)
    order = genes.to_pandas().sort_values([SCORE, "target"], ascending=[False, True], na_position="last")
    names = order["target"].tolist()
    listed = names[:top] if targets is None else [name for name in names if name in set(targets)]
    if not listed:
        raise BadInputError(f"--targets: method {method} has scored none of them; give others, or --method")
    chosen = _modifiers(reader, method, listed, frozenset(universe))
    lists = Lists(
        method=method,
        symbols={target: symbol_of(target) for target in listed},
        modifiers=chosen,
        universe=tuple(universe),
        modelled=tuple(sorted({symbol_of(target) for target in order["target"]})),
        seed=int(reader.run.get("seed", 0)),
    )
    symbols = frozenset({*universe, *lists.modelled})
    known = Knowledge(
        tuple(sets_by(symbols, each) for each in known.collections),
        tuple(pairs_by(symbols, each) for each in known.paralogs),
    )
    found = enrichment(lists, known.collections, known.paralogs)
    rows = {
        "enrichment": found.rows,
        "enrichment_counts": found.counts,
        "gene_sets": [row for sets in known.collections for row in _set_rows(sets, symbols)],
        "paralogs": [row for table in known.paralogs for row in _pair_rows(table, symbols)],
    }
    which = {"top": top} if targets is None else {"targets": sorted(targets)}
    inputs = {
        "method": method,
        **which,
        "gene_sets": _named(known.collections),
        "paralogs": _named(known.paralogs),
    }
    return Enriched(method, lists, found, {name: _table(name, some) for name, some in rows.items()}, inputs)


def keep_enriched(reader: StoreReader, made: Enriched) -> Kept:
    """Add it to the store as tables `enrichment`, `enrichment_counts`, `gene_sets` and `paralogs`."""
    return keep(reader, "enrich", made.inputs, made.tables)


def run_genes(reader: StoreReader) -> Sequence[str]:
    """The genes of the run's expression, from its Dataset or the copy that final models need.

    Raises BadInputError where neither is to be found.
    """
    if (dataset := dataset_of(reader, verify=False)) is not None:
        return dataset.genes
    if copies := sorted(reader.fs.paths(layout.TRAINING)):
        return training_of(reader.training(Path(copies[0]).stem)).genes
    places = ", ".join(reader.datasets()) or "no place is recorded"
    raise BadInputError(
        f"{reader.fs.name}: which genes could be modifiers is not known: its Dataset is not to be found "
        f"({places}); put it back there, or repeat the `knockcast run` on it where it is now"
    )


def _method_of(reader: StoreReader, asked: str | None) -> str:
    """The method whose modifiers count."""
    rows = reader.table("modifiers", ["method"])
    known = sorted(rows.column("method").unique().to_pylist())
    if not known:
        raise BadInputError(
            f"{reader.fs.name}: no method of it has modifiers; add one that selects genes: "
            "`knockcast run DATASET --store STORE --method modifiers`"
        )
    if asked is not None and asked not in known:
        raise BadInputError(f"--method {asked}: has no modifiers in {reader.fs.name}; {', '.join(known)} has")
    return asked or ("modifiers" if "modifiers" in known else known[0])


def _modifiers(
    reader: StoreReader, method: str, listed: Sequence[str], universe: frozenset[str]
) -> dict[str, frozenset[str]]:
    """Per target the symbols of those that more than half of its folds chose."""
    apart = pa.array([-1, *sorted(control_folds(reader.run))], pa.int32())  # final fits, and random twins
    tables = (
        reader.table(name, columns, targets=listed)
        for name, columns in (("scores", ["method", "target", "fold"]), ("modifiers", None))
    )
    scores, rows = (
        table.filter(pc.and_(pc.equal(table["method"], method), pc.invert(pc.is_in(table["fold"], apart))))
        for table in tables
    )
    folds = scores.to_pandas().groupby("target")["fold"].nunique()
    times = rows.to_pandas().groupby(["target", "modifier"])["fold"].nunique()
    found: dict[str, set[str]] = {target: set() for target in listed}
    for (target, modifier), count in times.items():
        if 2 * count > folds[target] and (symbol := symbol_of(modifier)) in universe:
            found[target].add(symbol)
    return {target: frozenset(symbols) for target, symbols in found.items()}


def _set_rows(sets: GeneSets, symbols: Collection[str]) -> list[dict[str, Any]]:
    return [
        {"collection": sets.name, "gene_set": name, "gene": gene, "genes": len(genes)}
        for name, genes in sets.sets.items()
        for gene in genes
        if gene in symbols
    ]


def _pair_rows(table: Paralogs, symbols: Collection[str]) -> list[dict[str, Any]]:
    return [
        {"collection": table.name, "gene": one, "paralog": other}
        for pair in table.pairs
        for one, other in (pair, pair[::-1])
        if one in symbols and other in symbols
    ]


def _named(files: Sequence[GeneSets] | Sequence[Paralogs]) -> list[dict[str, str]]:
    return sorted(({"name": f.name, "sha256": f.sha256} for f in files), key=lambda each: each["name"])


def _table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=pa.schema(list(TABLES[name].schema)[1:]))
