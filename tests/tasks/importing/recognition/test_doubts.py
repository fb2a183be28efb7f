"""Turned signs, other scales and other logarithms are doubted; what is right is not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.importing.recognition.doubts import (
    ESSENTIAL,
    FROM_SKEWNESS,
    STEADY,
    WHOLE_GENOME,
    effect_doubts,
    expression_doubts,
    lineage_doubts,
    lines_doubts,
    twin_doubts,
    two_cases_doubts,
)

SYMBOLS = [*sorted(ESSENTIAL)[:20], *(f"G{i}" for i in range(380))]


def effects(measure: str) -> np.ndarray:
    rng = np.random.default_rng(3)
    centre = np.r_[np.full(20, 1.0), np.zeros(380)]
    effect = centre + 0.2 * rng.normal(size=(60, 400))
    effect[rng.random(effect.shape) < 0.1] = np.nan
    if measure == "dependency":
        return np.clip(effect, 0, 1).astype(np.float32)
    return np.round(
        np.clip(2 * effect, 0, 2) if measure == "level" else -effect, 0 if measure == "level" else 9
    )


@pytest.mark.parametrize("measure", ["effect", "dependency", "level"])
def test_what_is_right_is_not_doubted(measure: str):
    assert effect_doubts(measure, SYMBOLS, effects(measure).astype(np.float32)) == []


@pytest.mark.parametrize(
    ("measure", "change", "words"),
    [
        ("effect", lambda x: -x, "sign turned"),
        ("effect", lambda x: 8 * x, "another scale"),
        ("effect", lambda x: x[:, ::-1], "right names"),
        ("dependency", lambda x: 1 - x, "1 - p"),
        ("level", lambda x: 2 - x, "higher must be more essential"),
    ],
)
def test_what_is_turned_or_scaled_is_doubted(measure: str, change, words: str):
    (doubt,) = effect_doubts(measure, SYMBOLS, change(effects(measure)).astype(np.float32))
    assert words in doubt
    assert "20 genes that every cell needs" in doubt


def test_with_few_essential_genes_the_long_tail_decides():
    rng = np.random.default_rng(0)
    effect = -(rng.gamma(0.5, size=(50, 40))).astype(np.float32)
    names = [f"G{i}" for i in range(40)]
    assert effect_doubts("effect", names, effect) == []
    assert "sign turned" in effect_doubts("effect", names, -effect)[0]
    assert effect_doubts("level", names, -effect) == []
    assert "sign" not in str(effect_doubts("effect", names, np.zeros((3, 40), np.float32)))
    assert effect_doubts("effect", names, np.full((3, 40), np.nan, np.float32)) == []


def test_ranks_are_no_dependency_probabilities():
    rng = np.random.default_rng(5)
    names = [f"G{i}" for i in range(40)]
    ranks = (np.argsort(rng.random((50, 40)), axis=0) / 49).astype(np.float32)
    (doubt,) = effect_doubts("dependency", names, ranks)
    assert "evenly from 0 to 1" in doubt
    assert effect_doubts("dependency", names, ranks[:4]) == []  # too few to tell
    (doubt,) = effect_doubts("dependency", names, (0.1 + 0.8 * ranks).astype(np.float32))
    assert "evenly from 0.1 to 0.9" in doubt
    assert effect_doubts("dependency", names, rng.beta(0.3, 0.8, (50, 40)).astype(np.float32)) == []


def test_ranks_are_no_gene_effect():
    rng = np.random.default_rng(6)
    names = [f"G{i}" for i in range(40)]
    ranks = (np.argsort(rng.random((50, 40)), axis=0) / 24.5 - 1).astype(np.float32)
    (doubt,) = effect_doubts("effect", names, ranks)
    assert "evenly from -1 to 1, as ranks are; most gene effects are near 0" in doubt
    for effect in (rng.normal(-0.2, 0.3, (50, 40)), -rng.gamma(0.5, size=(50, 40)) + 0.1):
        assert effect_doubts("effect", names, effect.astype(np.float32)) == []


def tpm(genes: int = WHOLE_GENOME) -> np.ndarray:
    rng = np.random.default_rng(1)
    raw = rng.lognormal(1, 2, size=(30, genes))
    return 1e6 * raw / raw.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: np.log2(x + 1), ""),
        (lambda x: np.log(x + 1), "natural logarithm"),
        (lambda x: np.log10(x + 1), "log10"),
        (lambda x: np.log2(20 * x + 1), "another unit"),
        (lambda x: x, "without logarithm"),
        (lambda x: np.log2(x + 1) - 3, "differences"),
    ],
)
def test_logarithms_and_units_of_a_whole_genome(change, words: str):
    found = expression_doubts([""] * WHOLE_GENOME, change(tpm()).astype(np.float32))
    assert [words in doubt for doubt in found] == [True] * bool(words)


def test_a_panel_of_unknown_genes_does_not_add_up_to_anything():
    names = [f"G{i}" for i in range(500)]
    assert expression_doubts(names, np.log(tpm(500) + 1).astype(np.float32)) == []


@pytest.mark.parametrize("file", ["expression", "expression_24q4_150genes"])
def test_steady_genes_of_a_real_panel_show_its_logarithm(real_data: Path, file: str):
    frame = pd.read_parquet(real_data / f"{file}.parquet").select_dtypes("number").iloc[:400]
    frame.columns = [str(name).split(" (")[0] for name in frame]
    panel = frame.loc[:, [name for name in frame if name in STEADY] + list(frame.columns[:50])]
    values = panel.to_numpy(np.float32)
    assert expression_doubts(list(panel), values) == []
    for base, name in ((np.e, "natural logarithm"), (10.0, "log10")):
        (doubt,) = expression_doubts(list(panel), values * np.float32(np.log(2) / np.log(base)))
        assert name in doubt
        assert f"divide by {np.log(2) / np.log(base):.4g}" in doubt
    assert expression_doubts(list(panel)[-3:], values[:, -3:] * np.float32(0.69)) == []


@pytest.mark.long
def test_real_data_are_not_doubted_and_turned_ones_are(real_data: Path):
    levels = pd.read_parquet(real_data / "gene_dependency_level_22q1.parquet").astype(np.float32)
    chronos = pd.read_parquet(real_data / "gene_effect_chronos_24q4_75genes.parquet")
    official = pd.read_parquet(real_data / "gene_classes_26q1.parquet").set_index("matrix_symbol")
    for measure, frame in (("level", levels), ("effect", chronos)):
        assert effect_doubts(measure, list(frame), frame.to_numpy(np.float32)) == []
        turned = frame.max().max() - frame if measure == "level" else -frame
        assert len(effect_doubts(measure, list(frame), turned.to_numpy(np.float32))) == 1
    known = sorted(ESSENTIAL & set(official.index))
    assert len(known) > 100
    assert official.loc[known, "official_common_essential"].mean() == 1
    assert FROM_SKEWNESS > 0 > chronos.stack().skew()


def test_few_shared_lines_may_share_their_names_by_chance():
    assert lines_doubts(20, 200, 1000) == []
    (words,) = lines_doubts(1, 200, 1000)
    assert words.startswith("only 1 of the cell lines are used, of 200 with effects and 1000 with expression")


def test_what_no_gene_effect_is_like_is_doubted_without_known_genes():
    effect = np.random.default_rng(0).normal(-0.3, 0.5, (50, 40)).astype(np.float32)
    names = [f"G{i}" for i in range(40)]
    assert effect_doubts("effect", names, effect) == []
    assert "beyond what it ever is" in effect_doubts("effect", names, 100 * effect)[0]
    assert "never below 0" in effect_doubts("effect", names, np.exp(-np.abs(effect)) + 0.5)[0]
    assert effect_doubts("dependency", names, np.abs(np.sin(effect))) == []
    for measure in ("effect", "level"):
        assert "every value is -1" in effect_doubts(measure, names, np.full_like(effect, -1))[0]


def test_a_table_that_knows_no_lineage_is_doubted():
    assert lineage_doubts("m.csv", ["", "Lung"]) == []
    assert "lineage of none of the 2 cell lines" in lineage_doubts("m.csv", ["", ""])[0]


def test_one_line_under_two_names_is_doubted():
    expression = np.random.default_rng(0).gamma(2, 2, (4, 6)).astype(np.float32)
    assert twin_doubts(list("abcd"), expression) == []
    expression[3] = expression[1]
    assert (
        "1 of 4 cell lines have every value of another (d of b, ...)"
        in twin_doubts(list("abcd"), expression)[0]
    )


def test_genes_that_only_capitals_tell_apart_are_doubted():
    assert two_cases_doubts({"effect": ["A1", "C1orf2"], "expression": ["a1"]}) == []
    (doubt,) = two_cases_doubts({"effect": ["CREBBP", "KRAS", "crebbp"], "expression": ["KRAS"]})
    assert doubt.startswith("effect: only capital letters tell CREBBP and crebbp apart: one gene twice?")
