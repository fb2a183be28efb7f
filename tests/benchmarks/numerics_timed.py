"""Each hand-written numeric routine and its library at the same small work, timed: used by `bench_numerics`.

A function here returns core-seconds of this process, ours and the library's. What compiles has been called
before. Where the library is a slow loop, it is timed on a part and multiplied.
"""

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from scipy import stats
from sklearn.cross_decomposition import CCA
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import RidgeCV
from sklearn.metrics.pairwise import manhattan_distances
from statsmodels.stats.multitest import multipletests

from modeling.candidates.mlp.deep import Deep
from modeling.kernels.distances import mean_distances, mean_products
from modeling.kernels.kernels import Linear
from modeling.kernels.ridge import fit_ridge, spectrum_of
from modeling.networks.adam import train
from modeling.networks.mlp import initial_perceptron
from modeling.networks.training_state import Examples, Schedule
from modeling.profiles import regression
from modeling.profiles.components import fit_cca, principal_of
from modeling.selection.association import error_of
from modeling.selection.critical_values import critical_values_of
from modeling.selection.prepared import prepare_genes
from modeling.selection.q_values import q_values
from modeling.selection.ranking import standardised_genes, top_genes
from modeling.selection.select import SelectionSettings, select
from modeling.statistics.chi_squared import bin_targets, fill_root_chi_squared
from modeling.statistics.metrics import benjamini_hochberg
from modeling.statistics.p_values import correlation_table
from modeling.statistics.paired import paired_tests
from modeling.statistics.pooling import pooled_many
from tests.benchmarks import bench_candidates, bench_selection
from tests.reference.adam import train_slow
from tests.reference.deep import deep_slow
from tests.reference.metrics import pooled_slow
from tests.reference.selection import contingency

LINES, GENES, TARGETS = 720, 4000, 200
PROBLEMS = 4  # of the candidates
LOOP = 200  # of rows or genes that a slow loop is timed on; the rest is multiplied
SEED = 0
Work = Callable[[], object]
Seconds = tuple[float, float]


def core_seconds(work: Work, times: int = 1) -> float:
    """Of this process, for one of `times` repeats; the first call before compiles and is not counted."""
    work()
    begun = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begun) / times


def once(work: Work) -> float:
    """Core-seconds of one call, for what is slow and has nothing to compile."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def simulated() -> tuple[np.ndarray, np.ndarray]:
    """Expression and effects of `bench_selection`."""
    rng = np.random.default_rng(SEED)
    expression = bench_selection.simulate_expression(LINES, GENES, rng)
    return expression, bench_selection.simulate_effects(expression, TARGETS, 0.5, rng)


def selection() -> Seconds:
    expression, effects = simulated()
    genes = prepare_genes(expression)
    ours = core_seconds(lambda: select(genes, effects, SelectionSettings()))
    return ours, TARGETS * bench_selection.time_loop(expression, effects)


def chi_squared() -> Seconds:
    expression, effects = simulated()
    genes, targets = prepare_genes(expression), bin_targets(np.ascontiguousarray(effects.T))
    out = np.empty((TARGETS, GENES), dtype=np.float32)
    ours = core_seconds(
        lambda: fill_root_chi_squared(genes.upper, genes.upper_counts, targets, LINES, out), 5
    )
    table = np.array([[60] * 6, [60] * 6])
    theirs = once(lambda: [contingency(table) for _ in range(LOOP)])
    return ours, theirs / LOOP * TARGETS * GENES


def step_up() -> Seconds:
    """The critical value of each row, and q of its 20 strongest genes; statsmodels gets p, and sorts it."""
    rng = np.random.default_rng(SEED)
    table = correlation_table(LINES, 18_000, 0.05)
    rows = np.abs(rng.standard_normal((LOOP, 18_000))) * 0.04
    rows[:, :50] += 0.2
    rough, error, defined = rows.astype(np.float32), error_of("spearman", LINES), np.ones(18_000, dtype=bool)
    every, strongest = np.repeat(np.arange(LOOP), 20), np.tile(np.arange(20), LOOP)

    def exact(of: np.ndarray, columns: np.ndarray) -> np.ndarray:
        return rows[of, columns]

    def ours() -> object:
        critical_values_of(rough, error, np.arange(LOOP), table, 0.05, lambda row, genes: rows[row, genes])
        return q_values(rough, error, defined, exact, exact, 0.0, table, every, strongest)

    few = rows[:20]
    theirs = core_seconds(lambda: [multipletests(table.exact(row), method="fdr_bh") for row in few])
    return core_seconds(ours), theirs * LOOP / len(few)


def all_q() -> Seconds:
    p = np.random.default_rng(SEED).random(18_000)
    return core_seconds(lambda: benjamini_hochberg(p), 20), core_seconds(
        lambda: stats.false_discovery_control(p), 20
    )


def best_genes() -> Seconds:
    expression, effects = simulated()
    ours = core_seconds(lambda: top_genes(standardised_genes(expression), effects, 1000))
    x = expression.astype(np.float64)
    filters = [SelectKBest(f_regression, k=1000) for _ in range(10)]
    theirs = core_seconds(lambda: [one.fit(x, y) for one, y in zip(filters, effects.T, strict=False)])
    return ours, theirs / len(filters) * TARGETS


def candidate(name: str) -> Seconds:
    """A fit and its predictions, as `bench_candidates` times them."""
    problems = bench_candidates.simulated_problems(PROBLEMS)
    bench_candidates.ours(name, problems[:1])
    return bench_candidates.ours(name, problems)[0], bench_candidates.library(name, problems)[0]


def deep() -> Seconds:
    problems = bench_candidates.simulated_problems(2)
    Deep().fit(problems[:1])
    ours = once(lambda: Deep().fit(problems))
    return ours, once(lambda: [deep_slow(p.features, p.effect, p.seed, p.fold_seed) for p in problems])


def kernel_ridge() -> Seconds:
    """Every penalty by leave-one-out, for each target its own; from expression."""
    expression, effects = simulated()
    x, penalties = (expression - expression.mean(axis=0)).astype(np.float32), Linear.penalties
    ours = core_seconds(lambda: fit_ridge(spectrum_of(mean_products(x)), effects, penalties))
    library = RidgeCV(penalties * GENES, alpha_per_target=True, gcv_mode="eigen")
    return ours, once(lambda: library.fit(x.astype(np.float64), effects))


def distances() -> Seconds:
    x = simulated()[0]
    wide = x.astype(np.float64)
    return core_seconds(lambda: mean_distances(x)), once(lambda: manhattan_distances(wide))


def profile_pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(SEED)
    factors = rng.standard_normal((3000, 20))
    return tuple(
        factors @ rng.standard_normal((20, 150)) + rng.standard_normal((3000, 150)) for _ in range(2)
    )


def cca() -> Seconds:
    """Ours finds all components; the library is timed on five, one after the other, and multiplied."""
    x, y = profile_pair()
    ours = core_seconds(lambda: fit_cca(x, y), 3)
    return ours, once(lambda: CCA(n_components=5).fit(x, y)) / 5 * len(fit_cca(x, y))


def profile_ridge() -> Seconds:
    x, y = profile_pair()
    ours = core_seconds(lambda: regression.fit_ridge(principal_of(x), y), 3)
    return ours, core_seconds(lambda: RidgeCV(regression.PENALTIES).fit(x, y), 3)


def adam() -> Seconds:
    sizes, lines, schedule = (2000, 500, 500, 500, 2000), 320, Schedule(5, 5, 32)
    x = np.random.default_rng(SEED).standard_normal((lines, sizes[0]), dtype=np.float32)
    start, counted = initial_perceptron(sizes, SEED), np.ones(x.shape, dtype=bool)
    plain = partial(train_slow, (start.weights, start.biases), (x, x, counted), None, SEED)
    rate = schedule.learning_rate
    ours = core_seconds(lambda: train(start, Examples(x, x, None), None, schedule, SEED))
    theirs = core_seconds(lambda: plain(epochs=5, patience=5, batch=32, rate=rate, dtype=torch.float32))
    return ours, theirs


def paired() -> Seconds:
    first, second = np.random.default_rng(SEED).normal(1.0, 0.3, (2, LOOP, 40))
    pairs = list(zip(first, second, strict=True))
    theirs = core_seconds(lambda: [(stats.ttest_rel(a, b), stats.wilcoxon(a, b)) for a, b in pairs])
    return core_seconds(lambda: paired_tests(first, second), 5), theirs


def pooled() -> Seconds:
    rng = np.random.default_rng(SEED)
    codes, mean = np.repeat(np.arange(LOOP), LINES), np.zeros(LOOP * LINES)
    measured, predicted = rng.standard_normal((2, LOOP * LINES))
    rows = [slice(i * LINES, (i + 1) * LINES) for i in range(LOOP)]
    theirs = core_seconds(lambda: [pooled_slow(measured[r], predicted[r], mean[r]) for r in rows])
    return core_seconds(lambda: pooled_many(codes, measured, predicted, mean), 5), theirs
