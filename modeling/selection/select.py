"""Modifier selection: for each target the genes that any of three tests finds, under false discovery control.

Method of Rosenski, Shifman and Kaplan (BMC Medical Genomics 2023): per test Benjamini-Hochberg over all
genes, of those with q < fdr the strongest `top`, and the union of the three sets. Exact: the same genes,
statistics and q-values as a loop over scipy.stats and statsmodels, however targets are cut into blocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from modeling.selection.association import (
    TESTS,
    TILE_TARGETS,
    PreparedTargets,
    StatisticMagnitudes,
    magnitudes_on,
    one_blas_thread,
    prepare_targets,
    statistics_of,
    steep_from,
)
from modeling.selection.critical_values import NONE_KEPT, critical_values_of
from modeling.selection.prepared import Cut, PreparedGenes, check_matrix
from modeling.selection.q_values import q_values
from modeling.selection.ranking import (
    Q_DIGITS,
    SIGNIFICANT_DIGITS,
    Statistic,
    round_significant,
    strongest,
    without_redundant,
)
from modeling.statistics.chi_squared import QUANTILE_BINS
from modeling.statistics.p_values import TestTable, chi_squared_table, correlation_table, pearson_p

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

    The numbers of a target depend neither on the other targets nor on how they are cut into calls. Working
    memory is some 24 bytes x 128 x genes, whatever the number of targets. On another device than "cpu" the
    genes chosen, by which test, and the statistics are the same; q is within 1e-9 of the CPU's, relatively
    (see `modeling.selection.torch_association`).

    Args:
        genes: expression of the training lines.
        effects: the targets' effects in the same lines, nothing missing (see `group_by_missing`).
        device: where the magnitudes are computed, as torch names it; "cpu" is numpy.

    Raises:
        ValueError: other cell lines than the genes were prepared on, too few, or missing values.
    """
    check_matrix("effects", effects)
    if len(effects) != genes.n_lines:
        raise ValueError(f"effects: {len(effects)} cell lines, but genes were prepared on {genes.n_lines}")
    tile = magnitudes_on(genes, device)
    chosen: list[Modifiers] = []
    with one_blas_thread():
        for start in range(0, effects.shape[1], TILE_TARGETS):
            block = np.ascontiguousarray(effects[:, start : start + TILE_TARGETS].T, dtype=np.float64)
            targets = prepare_targets(block)
            tile.fill(targets)
            chosen.extend(_select_tile(genes, targets, tile, settings))
    return chosen


def _select_tile(
    genes: PreparedGenes, targets: PreparedTargets, tile: StatisticMagnitudes, settings: SelectionSettings
) -> Iterator[Modifiers]:
    critical_values = _critical_values(genes, targets, tile, settings.fdr)
    for target in range(len(targets)):
        magnitudes = tuple(magnitude[target] for magnitude in tile.statistic_magnitude)
        one = _Target(genes, targets, target, magnitudes, tuple(critical_values[:, target]))
        yield one.modifiers(settings)


def _critical_values(
    genes: PreparedGenes, targets: PreparedTargets, tile: StatisticMagnitudes, fdr: float | None
) -> Float64[np.ndarray, "tests targets"]:
    """The magnitude that each test asks of a target's genes; infinite where it keeps none."""
    if fdr is None:
        strongest_gene = np.array([each[: len(targets)].max(axis=1) for each in tile.statistic_magnitude])
        return np.where(strongest_gene > 0, SMALLEST_MAGNITUDE, NONE_KEPT)
    critical_values = np.full((len(TESTS), len(targets)), NONE_KEPT)
    pearson, spearman = _correlation_tables(genes, fdr)
    every, recompute_exact = np.arange(len(targets)), partial(tile.recompute_exact, targets)
    # Of the other two tests the magnitudes have the same bits everywhere.
    critical_values[0] = critical_values_of(tile.statistic_magnitude[0], every, pearson, fdr, recompute_exact)
    critical_values[1] = critical_values_of(tile.statistic_magnitude[1], every, spearman, fdr)
    for freedom in range(1, QUANTILE_BINS):
        rows = np.flatnonzero(targets.binned.bins == freedom + 1)
        if rows.size:
            table = chi_squared_table(freedom, genes.n_genes, fdr)
            critical_values[2, rows] = critical_values_of(tile.statistic_magnitude[2], rows, table, fdr)
    return critical_values


@dataclass(frozen=True)
class _Target:
    """One target within its tile: all that the last steps of selection look at."""

    genes: PreparedGenes
    targets: PreparedTargets
    row: int
    statistic_magnitude: tuple[Float64[np.ndarray, " genes"], ...]
    critical_values: tuple[float, ...]

    def modifiers(self, settings: SelectionSettings) -> Modifiers:
        if min(self.critical_values) == NONE_KEPT:
            return _no_modifiers()
        by_test = self._chosen(settings)
        union, place = np.unique(np.concatenate(by_test), return_inverse=True)
        is_by = np.zeros((len(TESTS), len(union)), dtype=bool)
        is_by[np.repeat(np.arange(len(TESTS)), [len(genes) for genes in by_test]), place] = True
        q = [
            q_values(magnitude, table, union)
            for magnitude, table in zip(self._sharpened(), self._tables(settings), strict=True)
        ]
        order = np.lexsort((union, round_significant(np.min(q, axis=0), Q_DIGITS)))
        columns: list[np.ndarray] = [union[order]]
        for test, one_q in zip(TESTS, q, strict=True):
            columns += [
                round_significant(self._statistic(test)(union[order]), SIGNIFICANT_DIGITS),
                one_q[order],
            ]
        return Modifiers(*columns, *is_by[:, order])

    def _chosen(self, settings: SelectionSettings) -> list[Int64[np.ndarray, " k"]]:
        """The genes each test chooses, in the order of `TESTS`."""
        by_test, so_far = [], list[int]()
        for test, magnitude, least in zip(TESTS, self.statistic_magnitude, self.critical_values, strict=True):
            if test not in settings.tests:
                by_test.append(np.empty(0, dtype=np.int64))
                continue
            ordered = partial(strongest, magnitude, least, self._statistic(test))
            if settings.redundancy is None:
                by_test.append(ordered(settings.top))
            else:
                standardised = self.genes.standardised
                by_test.append(
                    without_redundant(ordered, settings.top, standardised, settings.redundancy, so_far)
                )
        return by_test

    def _sharpened(self) -> Iterator[Float64[np.ndarray, " genes"]]:
        """The magnitudes, with scipy's own bits where a correlation is so near 1 that p depends on them."""
        bound = steep_from(self.genes.n_lines)
        for test, magnitude in zip(TESTS, self.statistic_magnitude, strict=True):
            steep = np.flatnonzero(magnitude > bound) if test != "chi2" else np.arange(0)
            sharp = magnitude.copy() if steep.size else magnitude
            if steep.size:
                sharp[steep] = np.abs(self._statistic(test)(steep))
            yield sharp

    def _statistic(self, test: str) -> Statistic:
        return partial(statistics_of, test, self.genes, self.targets, self.row)

    def _tables(self, settings: SelectionSettings) -> tuple[TestTable, TestTable, TestTable]:
        pearson, spearman = _correlation_tables(self.genes, settings.table_fdr)
        freedom = int(self.targets.binned.bins[self.row]) - 1
        return pearson, spearman, chi_squared_table(freedom, self.genes.n_genes, settings.table_fdr)


def _correlation_tables(genes: PreparedGenes, fdr: float) -> tuple[TestTable, TestTable]:
    """Pearson's and Spearman's."""
    tested = int(genes.varies.sum())
    return (
        correlation_table(genes.n_lines, tested, fdr, pearson_p),
        correlation_table(genes.n_lines, tested, fdr),
    )


def _no_modifiers() -> Modifiers:
    kinds = {"genes": np.int64, "by_pearson": np.bool_, "by_spearman": np.bool_, "by_chi2": np.bool_}
    return Modifiers(*(np.empty(0, dtype=kinds.get(field.name, np.float64)) for field in fields(Modifiers)))
