"""Every hand-written numeric routine beside the library that would do its work, in one run.

    python -m tests.benchmarks.bench_numerics

One numerical thread, core-seconds of this process, compiled before. Sizes are small, so that all of it takes
a minute or two; other benchmarks time the same code at full size. docs/numerics.md is the printed table.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from threadpoolctl import threadpool_limits

from tests.benchmarks import numerics_timed as timed
from tests.benchmarks.measure import machine


@dataclass(frozen=True)
class Routine:
    """One line of the table; `seconds` gives ours and the library's for the same work."""

    what: str
    module: str
    library: str
    seconds: Callable[[], timed.Seconds]
    why: str
    twin: str


ROUTINES = (
    Routine(
        "modifier selection, three tests",
        "modeling/selection/select.py",
        "scipy.stats, gene by gene",
        timed.selection,
        "a genome is 324 million pairs of target and gene a fold",
        "tests/reference/selection.py",
    ),
    Routine(
        "chi-squared of all genes",
        "modeling/statistics/chi_squared.py",
        "scipy `chi2_contingency`",
        timed.chi_squared,
        "as above",
        "tests/reference/selection.py",
    ),
    Routine(
        "false discovery control of 18 000 genes: the bar, q of the strongest",
        "modeling/selection/critical_values.py, modeling/selection/q_values.py",
        "statsmodels `multipletests`",
        timed.step_up,
        "sorts nothing, needs no p of every gene",
        "statsmodels, in the tests of both",
    ),
    Routine(
        "q of one list of p",
        "modeling/statistics/metrics.py",
        "scipy `false_discovery_control`",
        timed.all_q,
        "tests that were not made (NaN) stay out; stored q keep their bytes",
        "tests/reference/metrics.py",
    ),
    Routine(
        "the 1000 genes of highest absolute r",
        "modeling/selection/ranking.py",
        "scikit-learn `SelectKBest(f_regression)`",
        timed.best_genes,
        "one product for all targets; ties do not depend on rounding",
        "tests/reference/forest.py",
    ),
    Routine(
        "ordinary least squares",
        "modeling/candidates/linear/ols.py",
        "scikit-learn `LinearRegression`",
        partial(timed.candidate, "ols"),
        "shares a problem's decomposition with `ridge`",
        "tests/reference/candidates.py",
    ),
    Routine(
        "ridge regression",
        "modeling/candidates/linear/ridge.py",
        "scikit-learn `RidgeCV`",
        partial(timed.candidate, "ridge"),
        "one decomposition for 29 penalties",
        "tests/reference/candidates.py",
    ),
    Routine(
        "lasso",
        "modeling/candidates/linear/lasso.py",
        "scikit-learn `LassoCV`",
        partial(timed.candidate, "lasso"),
        "preset `quick` runs it for every target; solved to optimality",
        "tests/reference/candidates.py",
    ),
    Routine(
        "regression tree",
        "modeling/candidates/trees/growing.py",
        "scikit-learn `DecisionTreeRegressor`",
        partial(timed.candidate, "tree"),
        "ties do not depend on chance",
        "tests/reference/candidates.py",
    ),
    Routine(
        "random forest",
        "modeling/candidates/trees/forest_growing.py",
        "scikit-learn `RandomForestRegressor`",
        partial(timed.candidate, "forest"),
        "the baseline costs seconds a target even so; a forest of its own, equally accurate",
        "scikit-learn, in tests/modeling/candidates/trees/test_forest.py",
    ),
    Routine(
        "k nearest neighbours",
        "modeling/candidates/knn.py",
        "scikit-learn `KNeighborsRegressor`",
        partial(timed.candidate, "knn"),
        "the library's own; only its stored form is ours",
        "tests/reference/candidates.py",
    ),
    Routine(
        "Gaussian process",
        "modeling/candidates/gp/likelihood.py",
        "scikit-learn `GaussianProcessRegressor`",
        partial(timed.candidate, "gp"),
        "the dearest candidate of `published`",
        "tests/reference/candidates.py",
    ),
    Routine(
        "boosted trees",
        "modeling/candidates/boosting.py",
        "XGBoost",
        partial(timed.candidate, "xgboost"),
        "the library's own",
        "tests/reference/candidates.py",
    ),
    Routine(
        "small network of candidate `deep`",
        "modeling/candidates/mlp/compiled.py",
        "torch, a plain loop",
        timed.deep,
        "networks so small that torch's calls cost more than the numbers",
        "tests/reference/deep.py",
    ),
    Routine(
        "kernel ridge, closed-form leave-one-out",
        "modeling/kernels/ridge.py",
        "scikit-learn `RidgeCV` (`KernelRidge` has no leave-one-out)",
        timed.kernel_ridge,
        "any kernel; a target's bits do not depend on its company",
        "tests/reference/kernel_ridge.py",
    ),
    Routine(
        "L1 distances of cell lines",
        "modeling/kernels/distances.py",
        "scikit-learn `manhattan_distances`",
        timed.distances,
        "float32 in, half the memory; a pair's bits do not depend on others",
        "tests/reference/kernel_ridge.py",
    ),
    Routine(
        "canonical correlation, all components",
        "modeling/profiles/components.py",
        "scikit-learn `CCA` (five components, multiplied)",
        timed.cca,
        "direct, where the library iterates and may not converge",
        "tests/reference/profiles.py",
    ),
    Routine(
        "ridge between profiles, leave-one-out",
        "modeling/profiles/regression.py",
        "scikit-learn `RidgeCV`",
        timed.profile_ridge,
        "its decomposition is shared with `ols` and CCA; gaps do not count",
        "scikit-learn, in tests/modeling/profiles/test_regression.py",
    ),
    Routine(
        "training of the shared networks (Adam)",
        "modeling/networks/adam.py",
        "`torch.optim.Adam` and autograd",
        timed.adam,
        "gradients are kept in place, not allocated at every step; resumes with the same bits",
        "tests/reference/adam.py",
    ),
    Routine(
        "paired t and signed-rank tests, many",
        "modeling/statistics/paired.py",
        "scipy `ttest_rel` and `wilcoxon`, pair by pair",
        timed.paired,
        "exact with ties, gaps do not count",
        "scipy, in tests/modeling/statistics/test_paired.py",
    ),
    Routine(
        "pooled scores of many targets",
        "modeling/statistics/pooling.py",
        "scipy `pearsonr`, target by target",
        timed.pooled,
        "one pass over a whole run's predictions",
        "tests/reference/metrics.py",
    ),
)


def main() -> None:
    """Print the table."""
    print(f"One numerical thread, core-seconds for the same work; {machine()}\n")
    print("| routine | module | library | ours, s | library, s | ratio | why it is kept | checked against |")
    print("|---|---|---|---|---|---|---|---|")
    torch.set_num_threads(1)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the libraries' own: lasso and CCA that have not converged
        for one in ROUTINES:
            ours, theirs = one.seconds()
            numbers = " | ".join(map(shown, (ours, theirs, theirs / ours)))
            print(
                f"| {one.what} | {one.module} | {one.library} | {numbers} | {one.why} | {one.twin} |",
                flush=True,
            )


def shown(number: float) -> str:
    """Two digits, or all before the point."""
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"


if __name__ == "__main__":
    main()
