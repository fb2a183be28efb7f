"""The unit that values show, and conversions."""

import numpy as np
import pytest

from tasks.samples.units import COUNTS, LOG2TPM, TPM, UNKNOWN, counts_per_million, detect_unit, log2_of


@pytest.fixture
def tpm() -> np.ndarray:
    """Six samples of all genes: each adds up to a million."""
    rng = np.random.default_rng(0)
    values = np.exp(rng.normal(2, 2, (6, 400))) * (rng.random((6, 400)) > 0.2)
    return (values / values.sum(axis=1, keepdims=True) * 1e6).astype(np.float32)


def all_fit(values: np.ndarray) -> np.ndarray:
    return np.ones(len(values), dtype=bool)


def none_fit(values: np.ndarray) -> np.ndarray:
    return np.zeros(len(values), dtype=bool)


def test_log2_tpm_is_taken_as_it_is(tpm: np.ndarray):
    assert detect_unit(log2_of(tpm)).name == LOG2TPM
    np.testing.assert_allclose(log2_of(tpm), np.log2(tpm.astype(np.float64) + 1), rtol=1e-6, atol=1e-6)


def test_tpm_is_sure_where_it_adds_up_or_is_like_the_lines(tpm: np.ndarray):
    assert detect_unit(tpm).name == TPM
    part = tpm[:, :100]
    assert detect_unit(part).name == UNKNOWN
    assert detect_unit(part, none_fit).name == UNKNOWN
    assert detect_unit(part, all_fit).name == TPM
    assert detect_unit(part * 1000, all_fit).name == UNKNOWN  # more than a million


def test_integers_without_logarithm_are_counts(tpm: np.ndarray):
    counts = np.round(tpm * 7)
    unit = detect_unit(counts, all_fit)
    assert unit.name == COUNTS
    assert "lengths" in unit.why
    np.testing.assert_allclose(counts_per_million(counts).sum(axis=1), 1e6, rtol=1e-5)
    assert (counts_per_million(np.zeros((1, 3), np.float32)) == 0).all()


def test_values_below_0_are_of_no_unit_that_is_known(tpm: np.ndarray):
    logged = log2_of(tpm)
    assert detect_unit(logged - logged.mean(axis=0), all_fit).name == UNKNOWN
    trace = logged.copy()
    trace[:, 0] = -1e-3
    assert detect_unit(trace).name == LOG2TPM


def test_most_samples_decide(tpm: np.ndarray):
    mixed = log2_of(tpm)
    mixed[:2] = tpm[:2]
    assert detect_unit(mixed, all_fit).name == LOG2TPM
    mixed[2:5] = tpm[2:5]
    assert detect_unit(mixed).name == TPM
    mixed[:4] = np.nan
    assert detect_unit(mixed).name == LOG2TPM


def test_a_few_genes_decide_nothing():
    assert detect_unit(np.full((2, 5), -3.0, np.float32)).name == LOG2TPM


@pytest.mark.parametrize("kept", [1.0, 0.6])
def test_a_genome_that_does_not_add_up_to_a_million_is_doubted(kept: float):
    rng = np.random.default_rng(1)
    values = np.exp(rng.normal(1, 2, (5, 12000)))
    tpm = values / values.sum(axis=1, keepdims=True) * 1e6 * kept  # protein-coding genes alone: 0.6 and more
    good, other = (log2_of((tpm * factor).astype(np.float32)) for factor in (1, 30))
    assert detect_unit(good).doubt == ""
    unit = detect_unit(other)
    assert unit.name == LOG2TPM  # scored all the same
    assert f"adds up to {3e7 * kept:.3g} a sample (median; 12000 genes), not to about a million" in unit.doubt
    assert "ln(TPM+1), they add up" in detect_unit(good * np.float32(np.log(2))).doubt
    assert detect_unit(other[:, :7000]).doubt == ""  # too few to add up
    known = np.where(np.arange(12000) < 7000, other, np.nan).astype(np.float32)
    assert detect_unit(known).doubt == ""
    mixed = good.copy()
    mixed[:2] = tpm[:2]
    assert detect_unit(mixed).doubt == ""
