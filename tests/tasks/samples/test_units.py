"""The unit that values show, and conversions."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modeling.likeness.together import FEWEST, FEWEST_NEAREST
from tasks.samples.fit import Reference
from tasks.samples.units import (
    COUNTS,
    FEWEST_ABOVE,
    LINES_ABOVE,
    LOG2TPM,
    MOST_ABOVE,
    TPM,
    UNKNOWN,
    counts_per_million,
    detect_unit,
    log2_of,
    strange_columns,
)


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


def test_a_few_columns_that_are_no_genes_decide_nothing(tpm: np.ndarray):
    good = np.log2(tpm + 1).astype(np.float32)
    beside = np.column_stack([good[:, :50], np.full(len(good), 47.0), good[:, 50:], np.full(len(good), -0.5)])
    beside = beside.astype(np.float32)
    genes = [column for column in range(good.shape[1] + 1) if column != 50]
    assert strange_columns(beside, genes).tolist() == [50, good.shape[1] + 1]
    assert strange_columns(beside, genes[:19]).tolist() == []  # too few to tell
    assert strange_columns(tpm, list(range(tpm.shape[1] // 2))).tolist() == []
    low = np.flatnonzero(tpm.max(axis=0) < 30)[:25].tolist()
    assert strange_columns(tpm, low).tolist() == []  # the others are genes, in TPM


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
    assert detect_unit(other[:, :7000]).doubt.startswith("2^x - 1 of 7000 genes adds up to")  # a panel
    few = np.where(good[:, :7000] > 3, good[:, :7000], 0)
    assert detect_unit(few).doubt == ""  # too few to add up
    known = np.where(np.arange(12000) < 7000, good, np.nan).astype(np.float32)
    assert detect_unit(known).doubt == ""
    mixed = good.copy()
    mixed[:2] = tpm[:2]
    assert detect_unit(mixed).doubt == ""


def test_a_panel_cannot_be_checked_and_is_doubted_only_where_it_is_sure(tpm: np.ndarray):
    panel = log2_of(tpm[:, :300])
    unit = detect_unit(panel, all_fit, lambda values: np.full(len(values), MOST_ABOVE))
    assert (unit.name, unit.doubt) == (LOG2TPM, "")
    assert "300 genes are too few to be sure" in unit.why
    unit = detect_unit(panel, all_fit, lambda values: np.full(len(values), MOST_ABOVE + 0.01))
    assert (unit.name, unit.doubt) == (
        LOG2TPM,
        "31% of a sample's genes are above the highest training line's",
    )
    more = np.median((2.0 ** (panel.astype(np.float64) + 4) - 1).sum(axis=1))
    assert more > 1.3e6  # no genes have that much
    assert (
        detect_unit(panel + 4).doubt == f"2^x - 1 of 300 genes adds up to {more:.3g}, TPM of all to a million"
    )
    panel[:, :150] = np.nan
    assert "150 genes are too few" in detect_unit(panel).why


def test_genes_above_all_lines_are_counted_as_a_loop_does():
    rng = np.random.default_rng(2)
    lines, samples = rng.gamma(2, 1, (20, 60)).astype(np.float32), rng.gamma(2, 2, (5, 60)).astype(np.float32)
    samples[0, :30], samples[1], samples[2, 3] = np.nan, np.nan, lines[:, 3].max()
    reference = Reference([""] * 20, [""] * 20, [""] * 60, lines)
    for share, sample in zip(reference.above(samples), samples, strict=True):
        known = [gene for gene in range(60) if not np.isnan(sample[gene])]
        higher = [gene for gene in known if all(sample[gene] > line[gene] for line in lines)]
        assert share == pytest.approx(len(higher) / max(len(known), 1))


def test_real_panels_of_real_lines_are_never_doubted_and_those_of_tumours_in_rsem_always(real_data: Path):
    """The nastiest panels: the genes lines of a lineage have most of, and no such line to learn from."""
    expression = pd.read_parquet(real_data / "expression.parquet")
    expression = expression.loc[:, expression.notna().mean() > 0.9].dropna()
    lineages = pd.read_parquet(real_data / "models.parquet")["lineage"].reindex(expression.index)
    tumours = pd.read_parquet(real_data / "tumours_tcga_350_log2rsem.parquet")
    expression = expression.loc[:, expression.columns.isin(tumours.columns)]
    tumours = tumours[expression.columns].to_numpy(np.float32)
    values, rng = expression.to_numpy(np.float32), np.random.default_rng(0)
    for lineage in ("Lung", "Lymphoid", "Liver"):
        mine = (lineages == lineage).to_numpy()
        some = rng.choice(np.flatnonzero(~mine), LINES_ABOVE, replace=False)
        specific = np.argsort(values[some].mean(axis=0) - values[mine].mean(axis=0))
        for genes in (FEWEST_ABOVE, 100, len(specific)):
            chosen = specific[:genes]
            over = Reference([""] * len(some), [""] * len(some), [""] * genes, values[np.ix_(some, chosen)])
            assert detect_unit(values[np.ix_(np.flatnonzero(mine), chosen)], None, over.above).doubt == ""
            assert (
                "above the highest training line's" in detect_unit(tumours[:, chosen], None, over.above).doubt
            )


def reference_of(values: np.ndarray) -> Reference:
    return Reference([""] * len(values), [""] * len(values), [""] * values.shape[1], values)


def test_samples_of_another_scale_are_doubted_together_and_those_of_a_lineage_are_not(real_data: Path):
    """The scales are such that of some lineages half of the samples pass by themselves."""
    expression = pd.read_parquet(real_data / "expression.parquet")
    expression = expression.loc[:, expression.notna().mean() > 0.9].dropna()
    lineages = pd.read_parquet(real_data / "models.parquet")["lineage"].reindex(expression.index)
    values, rng = expression.to_numpy(np.float32), np.random.default_rng(0)
    pass_alone = []
    for lineage in ("Lung", "Lymphoid", "Bladder/Urinary Tract"):
        mine = (lineages == lineage).to_numpy()
        lines = reference_of(values[rng.choice(np.flatnonzero(~mine), 600, replace=False)])
        good = values[rng.choice(np.flatnonzero(mine), 35, replace=False)]
        assert lines.doubt_about_scale(good) == ""
        for words, bad in (
            ("times as much", good * 0.8),
            ("times as much", np.arcsinh(2**good - 1)),
            ("at 0", np.maximum(good - 0.5, 0)),
        ):
            samples = bad.astype(np.float32)
            fits = lines.fits(samples)
            pass_alone.append(fits.mean())
            assert words in lines.doubt_about_scale(samples)
            assert words in lines.doubt_about_scale(samples[:15])
        assert lines.doubt_about_scale((good[: FEWEST - 1] * 0.8).astype(np.float32)) == ""
        mixed = np.vstack([good * 0, good * 2, good[:10]]).astype(np.float32)
        assert lines.doubt_about_scale(mixed) == ""  # what is flagged by itself says nothing of the others
        copies = np.repeat(good[: FEWEST_NEAREST - 1] * 0.8, 5, axis=0)
        assert lines.doubt_about_scale(copies.astype(np.float32)) == ""  # one sample is one sample
    assert max(pass_alone) > 0.5
