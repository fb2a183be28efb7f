"""Which complexes and pathways the borrowing of method `best` finds: a store's table `modules`, as Markdown.

    python -m tests.benchmarks.modules_named STORE [--sets FOLDER --method best --most 10 --out F.csv]

A target's neighbours are the targets that its borrowed prediction comes from with a positive weight, rank 1
to `--most`. For each library of gene sets (.gmt) and each target, every set is asked whether it holds more of
the neighbours than so many targets of the table drawn at random would give (hypergeometric); the target
itself counts neither among the neighbours nor as a target to draw. q is Benjamini and Hochberg's over all
targets x sets of a library (sets with 3 to 500 genes in the table), those that share no gene at p = 1. Sets
that hold the target itself are marked: there the neighbours name the target's own complex or pathway.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from cluster import Store
from modeling.statistics.metrics import benjamini_hochberg
from tasks.dataset.gene_labels import parse_gene_label
from tasks.errors import BadInputError

SETS = Path("../shared/data/gene_sets")
LIBRARIES = {
    "KEGG": "KEGG_2021_Human.gmt",
    "Reactome": "*reactome*.gmt",
    "GO BP": "*GO_Biological_Process*.gmt",
}
SMALLEST, LARGEST = 3, 500  # genes of a set that are targets of the table
FDR = 0.05
SHOWN = 20


def gene_sets(path: Path) -> dict[str, frozenset[str]]:
    """The sets of a .gmt file: name, description, genes by tabs (a weight after a comma is left out)."""
    rows = [line.rstrip("\n").split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line]
    return {row[0]: frozenset(gene.split(",")[0] for gene in row[2:] if gene) for row in rows}


def named(modules: pd.DataFrame, sets: dict[str, frozenset[str]], most: int = 10) -> pd.DataFrame:
    """One row per target and set that shares a gene with its neighbours, the smallest p first.

    `modules` has target, codependent, weight, rank of one method, by symbol. Columns: target, set, size
    (targets in it, the target itself aside), neighbours, found, genes, member (whether the target is in the
    set), p, q.
    """
    universe = frozenset(modules["target"]) | frozenset(modules["codependent"])
    kept = {name: genes & universe for name, genes in sets.items()}
    kept = {name: genes for name, genes in kept.items() if SMALLEST <= len(genes) <= LARGEST}
    holding: dict[str, list[str]] = {}
    for name, genes in kept.items():
        for gene in genes:
            holding.setdefault(gene, []).append(name)
    near = modules[(modules["weight"] > 0) & (modules["rank"] <= most)]
    rows = []
    for target, codependent in near.groupby("target")["codependent"]:
        neighbours = frozenset(codependent) - {target}
        for name in sorted({name for gene in neighbours for name in holding.get(gene, ())}):
            genes, found = kept[name] - {target}, sorted(kept[name] & neighbours)
            rows.append(
                (target, name, len(genes), len(neighbours), len(found), " ".join(found), target in kept[name])
            )
    columns = ["target", "set", "size", "neighbours", "found", "genes", "member"]
    table = pd.DataFrame(rows, columns=columns)
    table["p"] = hypergeom.sf(table["found"] - 1, len(universe) - 1, table["size"], table["neighbours"])
    untested = near["target"].nunique() * len(kept) - len(table)
    table["q"] = benjamini_hochberg(np.concatenate([table["p"], np.ones(untested)]))[: len(table)]
    return table.sort_values(["p", "target", "set"], ignore_index=True)


def main() -> None:
    """Read the store, name, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("--sets", type=Path, default=SETS)
    parser.add_argument("--method", default="best")
    parser.add_argument("--most", type=int, default=10, help="neighbours of a target")
    parser.add_argument("--out", type=Path, help="write every pair with q < 0.05 to this CSV")
    given = parser.parse_args()
    try:
        modules = _modules(given.store, given.method)
    except BadInputError as error:
        sys.exit("\n".join(error.problems))
    found = []
    for library, pattern in LIBRARIES.items():
        paths = sorted(given.sets.glob(pattern))
        if not paths:
            print(f"{library}: no {pattern} in {given.sets}: left out", file=sys.stderr)
            continue
        table = named(modules, gene_sets(paths[0]), given.most)
        found.append(table.assign(library=library))
        _print_library(library, paths[0], table)
    if not found:
        sys.exit(f"{given.sets}: no gene sets; nothing was named")
    significant = pd.concat(found)
    significant = significant[significant["q"] < FDR]
    if given.out is not None:
        significant.to_csv(given.out, index=False)
    _print_sets(significant)


def _modules(store: str, method: str) -> pd.DataFrame:
    table = Store(store).table("modules")
    mine = table[table["method"] == method]
    if mine.empty:
        raise BadInputError(f"{store}: table modules has no rows of {method}; run it with final models")
    symbols = {name: parse_gene_label(name).symbol for name in {*mine["target"], *mine["codependent"]}}
    return mine.assign(target=mine["target"].map(symbols), codependent=mine["codependent"].map(symbols))


def _print_library(library: str, path: Path, table: pd.DataFrame) -> None:
    hits = table[table["q"] < FDR]
    own = hits[hits["member"]]
    tested = table[table["member"]]["target"].nunique()
    print(
        f"{library} ({path.stem}): {hits['target'].nunique()} targets have neighbours enriched in "
        f"{hits['set'].nunique()} sets (q < {FDR}); {own['target'].nunique()} of the {tested} targets that "
        "are in a set with a neighbour are members of a set so found.\n"
    )


def _print_sets(significant: pd.DataFrame) -> None:
    """The sets whose own members found them, those with the most such members first."""
    print(
        "| library | set | members that find it | for instance: target (neighbours in the set) | smallest q |"
    )
    print("|---|---|---|---|---|")
    for (library, name), hits in distinct(significant[significant["member"]]):
        best = hits.sort_values(["p", "target"]).iloc[0]
        example = f"{best['target']} ({best['genes']})"
        members = hits["target"].nunique()
        print(f"| {library} | {name.replace('|', '/')} | {members} | {example} | {hits['q'].min():.1g} |")


def distinct(hits: pd.DataFrame, shown: int = SHOWN) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    """Sets (library, set) with their hits, most members first; not those whose members mostly found another.

    Libraries name one complex in many ways: a set is left out where more than half of the targets that found
    it are among those of sets listed before.
    """
    groups = [(key, rows) for key, rows in hits.groupby(["library", "set"])]
    groups.sort(key=lambda group: (-group[1]["target"].nunique(), group[1]["q"].min(), group[0]))
    seen: set[str] = set()
    kept: list[tuple[tuple[str, str], pd.DataFrame]] = []
    for key, rows in groups:
        members = set(rows["target"])
        if len(kept) < shown and 2 * len(members & seen) <= len(members):
            kept.append((key, rows))
            seen |= members
    return kept


if __name__ == "__main__":
    main()
