"""Other names of genes than a Dataset's own: older and newer symbols, Entrez and Ensembl ids."""

from collections.abc import Sequence

from tasks.dataset.known_genes import known_genes
from tasks.samples.renamed import RENAMED


def gene_aliases(mapped: Sequence[tuple[str, str]] = ()) -> list[tuple[str, str]]:
    """Pairs of another name and a symbol or id, for `tasks.dataset.gene_finder.GeneFinder`.

    `mapped` are pairs of a user's table: what it says of a name goes before what comes with Knockcast.
    """
    theirs = {alias for alias, _ in mapped}
    ours = [
        (alias, name)
        for gene in known_genes()
        for alias, name in (
            (gene.ensembl, gene.symbol),
            (gene.ensembl, str(gene.entrez)),
            (str(gene.entrez), gene.symbol),
        )
        if alias not in theirs
    ]
    return [*RENAMED, *((new, old) for old, new in RENAMED), *mapped, *ours]
