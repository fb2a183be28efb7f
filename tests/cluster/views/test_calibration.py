"""Are p and q what they say where nothing is to be found? Targets of noise, of lineage, shuffled labels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster.execution.run import run
from cluster.results.store import Store
from tasks.dataset.dataset import write_dataset

pytestmark = pytest.mark.long

LINES, GENES, LINEAGES = 200, 60, 6
NOISE, LINEAGE, TRUE = 150, 100, 30
METHODS = ("kernel", "modifiers", "best")


@pytest.fixture(scope="module")
def genes(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Scores of targets that are noise, that follow lineage alone, that follow a gene, and those shuffled."""
    folder, rng = tmp_path_factory.mktemp("calibration"), np.random.default_rng(11)
    lineage = rng.integers(0, LINEAGES, LINES)
    expression = rng.gamma(2.0, 1.0, (LINES, GENES)) + rng.gamma(1.0, 1.0, (LINEAGES, GENES))[lineage]
    by_lineage = rng.standard_normal((LINEAGES, LINEAGE))[lineage] + rng.standard_normal((LINES, LINEAGE))
    true = 0.7 * expression[:, :TRUE] + rng.standard_normal((LINES, TRUE))
    shuffled = np.column_stack([rng.permutation(column) for column in true.T])
    effect = np.hstack([rng.standard_normal((LINES, NOISE)), by_lineage, true, shuffled])
    kinds = ["noise"] * NOISE + ["lineage"] * LINEAGE + ["true"] * TRUE + ["shuffled"] * TRUE
    write_dataset(
        folder / "dataset",
        expression=expression.astype(np.float32),
        effect=effect.astype(np.float32),
        cell_lines=[f"ACH-{i:06d}" for i in range(LINES)],
        lineages=[f"L{i}" for i in lineage],
        genes=[f"G{i}" for i in range(GENES)],
        targets=[f"{kind}{i}" for i, kind in enumerate(kinds)],
    )
    run(str(folder / "dataset"), str(folder / "store"), methods=METHODS, preset="ols", final=False, workers=0)
    table = Store(Path(folder / "store")).genes()
    return table.assign(kind=table["target"].str.rstrip("0123456789"))


def rows(genes: pd.DataFrame, method: str, *kinds: str) -> pd.DataFrame:
    return genes[(genes["method"] == method) & genes["kind"].isin(kinds)]


def most(level: float, n: int) -> float:
    """The share that chance exceeds once in a thousand times."""
    return level + 3.1 * np.sqrt(level * (1 - level) / n)


@pytest.mark.parametrize("method", METHODS)
def test_targets_of_noise_have_small_p_no_more_often_than_they_may(genes: pd.DataFrame, method: str) -> None:
    noise = rows(genes, method, "noise", "shuffled")
    for name in ("p_value", "p_permuted"):
        assert (noise[name] < 0.05).mean() <= most(0.05, len(noise)), name
        assert (noise[name] < 0.01).mean() <= most(0.01, len(noise)), name
    assert (noise[["q_value", "q_permuted"]] < 0.05).mean().max() <= most(0.05, len(noise))


@pytest.mark.parametrize("method", METHODS)
def test_shuffled_labels_are_not_predicted(genes: pd.DataFrame, method: str) -> None:
    """Mean r is 0 within its error; r of targets without modifiers is 0 by definition.

    Pooled over folds it is a little below: the more lines of high effect a fold tests, the lower its training
    mean.
    """
    nothing = rows(genes, method, "shuffled", "noise")
    error = 4 / np.sqrt(LINES * len(nothing))
    assert abs(nothing["pearson"].mean()) < error
    assert -0.05 < nothing["pearson_pooled"].mean() < error
    assert rows(genes, method, "true")["pearson_pooled"].mean() > 0.3


@pytest.mark.parametrize("method", METHODS)
def test_what_follows_lineage_alone_is_significant_until_labels_are_shuffled_within_lineage(
    genes: pd.DataFrame, method: str
) -> None:
    by_lineage = rows(genes, method, "lineage")
    assert (by_lineage["q_value"] < 0.05).mean() > 0.5
    assert (by_lineage["p_permuted"] < 0.05).mean() <= most(0.05, LINEAGE)
    assert by_lineage["pearson_permuted"].mean() > 0.8 * by_lineage["pearson_pooled"].mean()


@pytest.mark.parametrize("method", METHODS)
def test_what_is_true_within_lineages_is_found_all_the_same(genes: pd.DataFrame, method: str) -> None:
    true = rows(genes, method, "true")
    assert (true["q_permuted"] < 0.05).mean() > 0.8 * (true["q_value"] < 0.05).mean() > 0
