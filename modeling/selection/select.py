"""Modifier selection: for each target the genes that any of three tests finds, under false discovery control.

Method of Rosenski, Shifman and Kaplan (BMC Medical Genomics 2023): per test Benjamini-Hochberg over all
genes, of those with q < fdr the strongest `top`, and the union of the three sets. Exact: the same genes,
statistics and q-values as a loop over scipy.stats and statsmodels, however targets are cut into blocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

from modeling.selection.association import (
    TARGETS_AT_ONCE,
    TESTS,
    PreparedTargets,
    RoughMagnitudes,
    error_of,
    magnitudes_on,
    one_blas_thread,
    prepare_targets,
)
from modeling.selection.critical_values import NONE_KEPT, critical_values_of
from modeling.selection.exact import (
    magnitude_of,
    magnitudes_of,
    may_differ_from_zero,
    statistics_of,
    steep_from,
)
from modeling.selection.prepared import Cut, PreparedGenes, check_matrix
from modeling.selection.q_values import q_values
from modeling.selection.ranking import (
    Q_DIGITS,
    SIGNIFICANT_DIGITS,
    round_significant,
    strongest,
    without_redundant,
)
from modeling.statistics.p_values import (
    TestTable,
    chi_squared_table,
    correlation_p,
    correlation_table,
    pearson_p,
)

SMALLEST_MAGNITUDE = 1e-12  # below it a magnitude is the rounding error of 0


@dataclass(frozen=True)
class SelectionSettings:
    """How many modifiers a test may give, at what false discovery rate, and how alike two may be.

    Attributes:
        top: at most this many genes of each test (the paper's text says 20).
        fdr: a gene needs a Benjamini-Hochberg q below this; None takes the strongest without any threshold
            (the published code), as long as their statistic is not 0.
        redundancy: if given, genes are taken in the order pearson, spearman, chi2, each the strongest first,
            and a gene whose |Pearson r| with one already chosen is at least this is passed over (the
            published code: 0.95).
        tests: those that choose genes; the statistics and q of the others are reported all the same.
        cut: where the chi-squared test splits a gene's lines: genes must be prepared with the same.

    Raises:
        ValueError: a value out of range.
    """

    top: int = 20
    fdr: float | None = 0.05
    redundancy: float | None = None
    cut: Cut = "median"
    tests: tuple[str, ...] = TESTS

    def __post_init__(self) -> None:
        if self.top < 1:
            raise ValueError(f"top: expected at least 1 modifier per test, got {self.top}")
        if self.fdr is not None and not 0 < self.fdr < 1:
            raise ValueError(f"fdr: expected a rate between 0 and 1, got {self.fdr}")
        if self.redundancy is not None and not 0 < self.redundancy <= 1:
            raise ValueError(f"redundancy: expected |r| in (0, 1] or None, got {self.redundancy}")
        if not self.tests or not set(self.tests) <= set(TESTS):
            raise ValueError(f"tests: expected some of {', '.join(TESTS)}, got {self.tests}")

    @property
    def table_fdr(self) -> float:
        """The rate that tables of critical values are made for; without a threshold nothing reads them."""
        return self.fdr or 0.05


@dataclass(frozen=True)
class Modifiers:
    """The modifiers of one target, by rank: smallest q over the tests (to 9 digits), then column.

    Attributes:
        genes: columns of the expression matrix.
        pearson, spearman, chi2: statistics, rounded to 12 significant digits; the correlations are signed.
        pearson_q, spearman_q, chi2_q: Benjamini-Hochberg q among all testable genes, also of tests that did
            not choose the gene (a modifier varies, so every test has a q for it).
        by_pearson, by_spearman, by_chi2: whether the test chose the gene.
        weight: of a method that weighs its modifiers by itself, in units of the effect per log2(TPM+1); None
            for others. Such a method makes none of the tests but Pearson's r: the rest is NaN.
    """

    genes: Int64[np.ndarray, " k"]
    pearson: Float64[np.ndarray, " k"]
    pearson_q: Float64[np.ndarray, " k"]
    spearman: Float64[np.ndarray, " k"]
    spearman_q: Float64[np.ndarray, " k"]
    chi2: Float64[np.ndarray, " k"]
    chi2_q: Float64[np.ndarray, " k"]
    by_pearson: Bool[np.ndarray, " k"]
    by_spearman: Bool[np.ndarray, " k"]
    by_chi2: Bool[np.ndarray, " k"]
    weight: Float64[np.ndarray, " k"] | None = None

    def __len__(self) -> int:
        return len(self.genes)

    def best(self, most: int | None) -> "Modifiers":
        """The first `most` by rank; all where it is None."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: c[:most] for name, c in columns.items() if c is not None})


def select(
    genes: PreparedGenes,
    effects: Float[np.ndarray, "cell_lines targets"],
    settings: SelectionSettings,
    device: str = "cpu",
) -> list[Modifiers]:
    """Choose the modifiers of every target; a target for which nothing is kept gets none (length 0).

    The numbers of a target depend neither on the other targets, nor on how they are cut into calls, nor on
    the device. Working memory is some 12 bytes x 512 x genes, and as much again where nearly every gene
    decides a q near 1, whatever the number of targets.

    Args:
        genes: expression of the training lines.
        effects: the targets' effects in the same lines, nothing missing (see `group_by_missing`).
        device: where rough magnitudes are computed, as torch names it; "cpu" is numpy.

    Raises:
        ValueError: other cell lines than the genes were prepared on, too few, or missing values.
    """
    check_matrix("effects", effects)
    if len(effects) != genes.n_lines:
        raise ValueError(f"effects: {len(effects)} cell lines, but genes were prepared on {genes.n_lines}")
    tile = magnitudes_on(genes, device)
    chosen: list[Modifiers] = []
    with one_blas_thread():
        for start in range(0, effects.shape[1], TARGETS_AT_ONCE):
            block = np.ascontiguousarray(effects[:, start : start + TARGETS_AT_ONCE].T, dtype=np.float64)
            targets = prepare_targets(block)
            tile.fill(targets)
            chosen.extend(_select_tile(genes, targets, tile, settings))
    return chosen


def _select_tile(
    genes: PreparedGenes, targets: PreparedTargets, tile: RoughMagnitudes, settings: SelectionSettings
) -> Iterator[Modifiers]:
    tests = [_Test(test, genes, targets, tile.rough[place]) for place, test in enumerate(TESTS)]
    critical_values = np.array([test.critical_values(settings.fdr) for test in tests])
    chosen = [_chosen(tests, target, critical_values[:, target], settings) for target in range(len(targets))]
    columns = [np.unique(np.concatenate(by_test)) for by_test in chosen]
    sizes = [len(union) for union in columns]
    rows = np.repeat(np.arange(len(targets)), sizes)
    q = np.array([test.q_values(rows, np.concatenate(columns), settings) for test in tests])
    q_of = np.split(q, np.cumsum(sizes)[:-1], axis=1)
    for target, (union, by_test, one_q) in enumerate(zip(columns, chosen, q_of, strict=True)):
        yield _modifiers(tests, target, union, by_test, one_q)


def _chosen(
    tests: list["_Test"],
    target: int,
    critical_values: Float64[np.ndarray, " tests"],
    settings: SelectionSettings,
) -> list[Int64[np.ndarray, " k"]]:
    """The genes each test chooses, in the order of `TESTS`."""
    by_test, so_far = [], list[int]()
    for test, least in zip(tests, critical_values.tolist(), strict=True):
        if test.name not in settings.tests or least == NONE_KEPT:
            by_test.append(np.empty(0, dtype=np.int64))
            continue
        strong = test.rough[target], test.error, least, partial(test.statistics, target)
        if settings.redundancy is None:
            by_test.append(strongest(*strong, settings.top, test.name, ordered=False))
        else:
            ordered = partial(strongest, *strong, test=test.name)
            standardised = test.genes.standardised
            by_test.append(
                without_redundant(ordered, settings.top, standardised, settings.redundancy, so_far)
            )
    return by_test


def _modifiers(
    tests: list["_Test"],
    target: int,
    union: Int64[np.ndarray, " k"],
    by_test: list[Int64[np.ndarray, " _"]],
    q: Float64[np.ndarray, "tests k"],
) -> Modifiers:
    """Those of one target, by rank."""
    if not union.size:
        return _no_modifiers()
    order = np.lexsort((union, round_significant(q.min(axis=0), Q_DIGITS)))
    genes = union[order]
    columns: list[np.ndarray] = [genes]
    for test, one_q in zip(tests, q, strict=True):
        columns += [round_significant(test.statistics(target, genes), SIGNIFICANT_DIGITS), one_q[order]]
    return Modifiers(*columns, *((genes[:, None] == some).any(axis=1) for some in by_test))


@dataclass(frozen=True)
class _Test:
    """One test of a tile's targets with all genes."""

    name: str
    genes: PreparedGenes
    targets: PreparedTargets
    rough: Float32[np.ndarray, "targets genes"]

    @property
    def error(self) -> float:
        return error_of(self.name, self.genes.n_lines)

    def statistics(self, target: int, columns: Int64[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
        return statistics_of(self.name, self.genes, self.targets, target, columns)

    def critical_values(self, fdr: float | None) -> Float64[np.ndarray, " targets"]:
        """The magnitude that is asked of a target's genes; infinite where none is kept."""
        if fdr is None:
            return np.where(self.targets.rank_spread > 0, SMALLEST_MAGNITUDE, NONE_KEPT)
        critical_values = np.full(len(self.targets), NONE_KEPT)
        for table, rows in self._tables(fdr):
            critical_values[rows] = critical_values_of(
                self.rough, self.error, rows, table, fdr, self._exact_magnitudes
            )
        return critical_values

    def q_values(
        self, rows: Int64[np.ndarray, " k"], columns: Int64[np.ndarray, " k"], settings: SelectionSettings
    ) -> Float64[np.ndarray, " k"]:
        """Q of k genes, each with its target (row)."""
        q = np.empty(len(rows))
        defined = may_differ_from_zero(self.name, self.genes)
        exact = partial(magnitudes_of, self.name, self.genes, self.targets)
        reported = partial(exact, reported=True)
        settled = steep_from(self.genes.n_lines) if self.name == "pearson" else 0.0
        for table, targets in self._tables(settings.table_fdr):
            of_table = np.zeros(len(self.targets), dtype=np.bool_)
            of_table[targets] = True
            some = np.flatnonzero(of_table[rows])
            q[some] = q_values(
                self.rough, self.error, defined, exact, reported, settled, table, rows[some], columns[some]
            )
        return q

    def _exact_magnitudes(self, row: int, columns: Int64[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
        return magnitude_of(self.name, self.statistics(row, columns))

    def _tables(self, fdr: float) -> Iterator[tuple[TestTable, Int64[np.ndarray, " k"]]]:
        """The tables of critical values, each with the targets (rows) that it is for."""
        lines, genes, every = self.genes.n_lines, self.genes.n_genes, np.arange(len(self.targets))
        if self.name == "chi2":
            bins = self.targets.binned.bins
            for filled in np.unique(bins).tolist():
                yield chi_squared_table(filled - 1, genes, fdr), every[bins == filled]
            return
        p = pearson_p if self.name == "pearson" else correlation_p
        yield correlation_table(lines, int(self.genes.varies.sum()), fdr, p), every


def _no_modifiers() -> Modifiers:
    kinds = {"genes": np.int64, "by_pearson": np.bool_, "by_spearman": np.bool_, "by_chi2": np.bool_}
    return Modifiers(*(np.empty(0, dtype=kinds.get(field.name, np.float64)) for field in fields(Modifiers)))
