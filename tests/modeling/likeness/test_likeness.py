"""Likeness to training lines: against a slow twin, and what it flags of invented and of real samples."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modeling.likeness.limits import limits_of
from modeling.likeness.lines import lines_of
from modeling.likeness.matching import genes_matched, mean_quantiles, quantile_matched
from modeling.likeness.statistics import compare, compare_left_out
from tests.reference import likeness as reference

FIELDS = ("nearest", "nearest_r", "other_r", "outside", "level", "spread", "scatter", "absent")


def invented(seed: int, lines: int = 60, genes: int = 150) -> np.ndarray:
    """Lines of four kinds: levels of genes, what a kind does to them, noise, zeros and ties."""
    rng = np.random.default_rng(seed)
    level = rng.choice([0.2, 3.0, 6.0], genes) + rng.normal(0, 1, genes)
    kinds = rng.normal(0, 1.2, (4, genes))
    values = level + kinds[rng.integers(4, size=lines)] + rng.normal(0, 0.7, (lines, genes))
    return (np.round(np.maximum(values, 0) * 20) / 20).astype(np.float32)


def spoiled(good: np.ndarray, lines: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The same samples made into what no model should take for log2(TPM+1) of a cell line."""
    genes = good.shape[1]
    names = rng.permutation(genes)
    return {
        "all zero": good * 0,
        "constant": good * 0 + 3,
        "uniform": rng.uniform(0, 12, good.shape),
        "small uniform": rng.uniform(0, 1, good.shape),
        "normal": np.abs(rng.normal(4, 2, good.shape)),
        "values of a sample permuted": np.array([row[rng.permutation(genes)] for row in good]),
        "names of genes permuted": good[:, names],
        "names moved by one": np.roll(good, 1, axis=1),
        "shifted up": good + 1,
        "shifted far up": good + 3,
        "shifted down": good - 1,
        "shifted down and cut at 0": np.maximum(good - 1, 0),
        "twice": 2 * good,
        "half": 0.5 * good,
        "half as much again": 1.5 * good,
        "TPM": 2.0**good - 1,
        "natural logarithm": good * np.log(2),
        "decimal logarithm": good * np.log10(2),
        "z-scores": (good - lines.mean(axis=0)) / (lines.std(axis=0) + 0.1),
        "positive z-scores": np.maximum((good - lines.mean(axis=0)) / (lines.std(axis=0) + 0.1), 0),
        "half of the genes lost": np.where(rng.random(good.shape) < 0.5, 0, good),
        "half of the names wrong": np.where(np.arange(genes) < genes // 2, good, good[:, names]),
        "the mean line": np.tile(lines.mean(axis=0), (len(good), 1)),
    }


def flagged(limits: object, lines: object, samples: np.ndarray) -> np.ndarray:
    return limits.exceeded(compare(samples.astype(np.float32), lines)).any(axis=1)  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(3))
def test_comparisons_are_those_of_the_slow_twin(seed: int):
    values = invented(seed, lines=25, genes=60)
    train, new = values[:20], values[20:].copy()
    new[1, ::3] = np.nan
    new[2] = 2.0
    new = np.vstack([new, train[:1]])  # a training line itself
    lines = lines_of(train)
    for made, samples, left_out in (
        (compare(new, lines), new, False),
        (compare_left_out(lines), train, True),
    ):
        for row, sample in enumerate(samples):
            expected = reference.compared(sample, train, row if left_out else None)
            for name in FIELDS:
                found = float(getattr(made, name)[row])
                if name == "nearest" and np.nanstd(sample) == 0:
                    continue  # near to none
                assert found == pytest.approx(expected[name], abs=2e-5), (name, row)


def test_a_sample_is_judged_alike_in_any_company():
    values = invented(0)
    lines = lines_of(values[:50])
    whole, one = compare(values[50:], lines), compare(values[57:58], lines)
    np.testing.assert_allclose(whole.columns()[7], one.columns()[0], atol=1e-5)


def test_about_one_line_in_fifty_is_flagged_and_lines_of_the_training_are_not_more_often():
    shares, own = [], []
    for seed in range(6):
        values = invented(seed, lines=500)
        lines = lines_of(values[:300])
        limits = limits_of(compare_left_out(lines))
        shares.append(flagged(limits, lines, values[300:]).mean())
        own.append(flagged(limits, lines, values[:300]).mean())
    assert np.mean(shares) < 0.03
    assert max(shares) <= 0.06  # of 200
    assert max(own) <= 0.03


@pytest.mark.parametrize("seed", range(3))
def test_spoiled_samples_are_flagged_all(seed: int):
    values = invented(seed, lines=250, genes=300)
    lines = lines_of(values[:200])
    limits = limits_of(compare_left_out(lines))
    missed = {
        name: int((~flagged(limits, lines, samples)).sum())
        for name, samples in spoiled(values[200:], values[:200], np.random.default_rng(seed)).items()
    }
    assert {name: count for name, count in missed.items() if count} == {}


@pytest.mark.parametrize("seed", range(3))
def test_real_lines_held_out_are_not_flagged_and_spoiled_ones_are(real_data: Path, seed: int):
    expression = pd.read_parquet(real_data / "expression.parquet").dropna(axis=1, thresh=1400).dropna()
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(expression))
    values = expression.to_numpy(np.float32)[order]
    train, held = values[300:], values[:300]
    lines = lines_of(train)
    limits = limits_of(compare_left_out(lines))
    assert flagged(limits, lines, held).mean() <= 0.05
    usual = held[~flagged(limits, lines, held)][:100]
    missed = {
        name: int((~flagged(limits, lines, samples)).sum())
        for name, samples in spoiled(usual, train, rng).items()
    }
    assert {name: count for name, count in missed.items() if count} == {}


def test_quantile_matching_is_that_of_the_slow_twin_and_forgets_any_rising_unit():
    values = invented(4)
    train, new = values[:50], values[50:]
    made = quantile_matched(new, mean_quantiles(train))
    for sample, matched in zip(new, made, strict=True):
        np.testing.assert_allclose(matched, reference.matched(sample, train), atol=1e-5)
    np.testing.assert_array_equal(made, quantile_matched(np.exp(new) * 7 - 3, mean_quantiles(train)))
    holed = new.copy()
    holed[:, ::4] = np.nan
    again = quantile_matched(holed, mean_quantiles(train))
    assert np.isnan(again[:, ::4]).all()
    assert np.abs(np.nanmean(again, axis=1) - mean_quantiles(train).mean()).max() < 0.1


def test_matched_genes_have_the_lines_distributions_and_keep_their_order():
    values = invented(5, lines=200)
    train, new = values[:150], values[150:] * 1.7 + 2
    made = genes_matched(new, train)
    for gene in range(train.shape[1]):
        assert abs(np.median(made[:, gene]) - np.median(train[:, gene])) < 0.35
        assert (np.diff(made[np.argsort(new[:, gene]), gene]) >= 0).all()
