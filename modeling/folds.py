"""Which cell lines train and which test: fixed by the seed, shared by every target and method.

Quantile-stratified folds (`quantile_fold`) are the exception: each target has its own.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, SupportsIndex

import numpy as np
from jaxtyping import Float64, Int64

from modeling.seeds import generator

Scheme = Literal["kfold", "split", "lineage"]
SPLIT_TEST_SHARE = 0.25
FEWEST_LINEAGE_LINES = 40  # of a lineage that is held out; with fewer, its RMSE says little
FINAL_FOLD = -1


@dataclass(frozen=True, eq=False)
class Fold:
    """One way to split the cell lines (or genes, or drugs). `train` and `test` are sorted row numbers
    without overlap.

    A `control` is there to be compared with another fold: it counts in no score of a target.
    """

    number: int
    name: str
    train: Int64[np.ndarray, " train_lines"]
    test: Int64[np.ndarray, " test_lines"]
    control: bool = False


def make_folds(
    scheme: Scheme, n_lines: int, folds: int, seed: int, lineages: Sequence[str] = ()
) -> tuple[Fold, ...]:
    """The folds of a run over `n_lines` cell lines.

    `kfold`: shuffled, `folds` test parts that cover every line once, the first `n_lines % folds` of them one
    line larger (as scikit-learn's KFold). `split`: one fold with a random quarter (rounded up) as test lines;
    `folds` is not used. `lineage`: each of the L `large_lineages` is held out in turn, in folds 0 to L - 1
    named after them; fold L + i is the random twin of fold i, a `control` that tests as many lines, drawn by
    the seed from all; `folds` is not used. `lineages` names every line's, "" where unknown.
    Raises ValueError for an unknown scheme, more folds than the lines allow, or no lineage large enough.
    """
    if scheme == "kfold":
        return _kfold(n_lines, folds, seed)
    if scheme == "split":
        return (_split(n_lines, seed),)
    if scheme == "lineage":
        return _lineage(n_lines, seed, lineages)
    raise ValueError(f"unknown scheme {scheme!r}: expected 'kfold', 'split' or 'lineage'")


def large_lineages(lineages: Sequence[str]) -> list[str]:
    """The known lineages with at least `FEWEST_LINEAGE_LINES` lines: largest first, equal ones by name."""
    return [name for name, size in lineage_sizes(lineages) if size >= FEWEST_LINEAGE_LINES]


def lineage_sizes(lineages: Sequence[str]) -> list[tuple[str, int]]:
    """Every known lineage and its number of lines: largest first, equal ones by name."""
    sizes = Counter(name for name in lineages if name)
    return sorted(sizes.items(), key=lambda item: (-item[1], item[0]))


def final_fold(n_lines: int) -> Fold:
    """The fold of the final fit: every line trains, none tests; its number is `FINAL_FOLD`."""
    return Fold(FINAL_FOLD, "all lines", np.arange(n_lines), np.arange(0))


def quantile_fold(
    fold: Fold, effect: Float64[np.ndarray, " cell_lines"], folds: int, seed: SupportsIndex
) -> Fold:
    """The fold of the same number and name, of a target's own lines in `folds` quantile-stratified folds.

    `effect` is NaN where not measured; those lines neither train nor test. See `quantile_parts`.
    """
    measured = np.flatnonzero(~np.isnan(effect))
    tested = quantile_parts(effect[measured], folds, seed) == fold.number
    return Fold(fold.number, fold.name, measured[~tested], measured[tested])


def quantile_parts(
    effect: Float64[np.ndarray, " lines"], folds: int, seed: SupportsIndex
) -> Int64[np.ndarray, " lines"]:
    """The part, 0 to folds − 1, in which each line is tested: every part spans all quantiles of the effect.

    Lines are sorted by effect, and each `folds` neighbours go to as many parts, by chance (cds-ensemble's
    QuantileKFold, which the DepMap portal's predictions come from). Lines of equal effect change places among
    themselves only, so that each level's lines spread over the parts as evenly as by scikit-learn's
    StratifiedKFold: numbers differ by at most one. So do the parts' sizes.
    """
    order = np.argsort(effect, kind="stable")
    _, level, size = np.unique(effect[order], return_inverse=True, return_counts=True)
    # Places that are dealt out together: a level's lines, or neighbours of no equal.
    tied, place = size[level] > 1, np.arange(len(effect))
    keys = np.stack([tied, np.where(tied, level, place // folds)])
    drawn = np.lexsort((generator(seed, "quantile folds").random(len(effect)), _runs(keys)))
    parts = np.empty(len(effect), dtype=np.int64)
    parts[order] = drawn % folds
    return parts


def gene_folds(n_genes: int, folds: int, seed: int) -> tuple[Fold, ...]:
    """Folds over genes instead of cell lines, for profiles: `train` and `test` are numbers of genes.

    Shuffled; the test parts cover every gene once, the first `n_genes % folds` of them one gene larger. Drawn
    apart from the folds over lines. Raises ValueError for fewer than two folds or more folds than genes.
    """
    return _shuffled_folds(n_genes, folds, generator(seed, "profile folds"), "genes")


def drug_folds(n_drugs: int, folds: int, seed: int) -> tuple[Fold, ...]:
    """The same over drugs, for drug models."""
    return _shuffled_folds(n_drugs, folds, generator(seed, "drug folds"), "drugs")


def _shuffled_folds(n: int, folds: int, drawn: np.random.Generator, what: str) -> tuple[Fold, ...]:
    if not 2 <= folds <= n:
        raise ValueError(f"{n} {what} cannot be split into {folds} folds; expected 2 to {n}")
    return _in_turn(drawn.permutation(n), folds)


def _in_turn(order: Int64[np.ndarray, " rows"], folds: int) -> tuple[Fold, ...]:
    """Rows in this order, split as evenly as can be; each part tests in turn."""
    parts = np.array_split(order, folds)
    return tuple(_fold(k, f"fold {k + 1} of {folds}", len(order), test) for k, test in enumerate(parts))


def _runs(keys: Int64[np.ndarray, "keys places"]) -> Int64[np.ndarray, " places"]:
    """A number for each run of places that agree in every key, ascending."""
    return np.cumsum((np.diff(keys, axis=1, prepend=-1) != 0).any(axis=0))


def _kfold(n_lines: int, folds: int, seed: int) -> tuple[Fold, ...]:
    if folds < 2:
        raise ValueError(f"kfold needs at least 2 folds, got {folds}; for one fold use the scheme 'split'")
    if n_lines < folds:
        raise ValueError(f"{n_lines} cell lines cannot be split into {folds} folds; ask for fewer folds")
    return _in_turn(_shuffled(n_lines, seed), folds)


def _split(n_lines: int, seed: int) -> Fold:
    if n_lines < 2:
        raise ValueError(f"a 75/25 split needs at least 2 cell lines, got {n_lines}")
    n_test = math.ceil(SPLIT_TEST_SHARE * n_lines)
    return _fold(0, "75/25 split", n_lines, _shuffled(n_lines, seed)[:n_test])


def _lineage(n_lines: int, seed: int, lineages: Sequence[str]) -> tuple[Fold, ...]:
    if len(lineages) != n_lines:
        raise ValueError(f"{n_lines} cell lines but {len(lineages)} lineages; expected one each")
    names = large_lineages(lineages)
    if not names:
        raise ValueError(f"no lineage has {FEWEST_LINEAGE_LINES} cell lines; use the scheme 'kfold'")
    of_line = np.array(lineages, dtype=object)
    held_out = [_fold(k, name, n_lines, np.flatnonzero(of_line == name)) for k, name in enumerate(names)]
    if not all(len(fold.train) for fold in held_out):
        raise ValueError(f"every cell line is of lineage {names[0]}: without it none is left to train on")
    return (*held_out, *(_twin(fold, len(names), n_lines, seed) for fold in held_out))


def _twin(fold: Fold, n_lineages: int, n_lines: int, seed: int) -> Fold:
    """Seeded by the lineage's name, so that the draw does not depend on the other lineages."""
    drawn = generator(seed, "random twin", fold.name).permutation(n_lines)[: len(fold.test)]
    return _fold(n_lineages + fold.number, f"random twin of {fold.name}", n_lines, drawn, control=True)


def _shuffled(n_lines: int, seed: int) -> Int64[np.ndarray, " cell_lines"]:
    return generator(seed, "folds").permutation(n_lines)


def _fold(
    number: int, name: str, n_lines: int, test: Int64[np.ndarray, " test_lines"], control: bool = False
) -> Fold:
    in_training = np.ones(n_lines, dtype=bool)
    in_training[test] = False
    return Fold(number, name, np.flatnonzero(in_training), np.flatnonzero(~in_training), control)
