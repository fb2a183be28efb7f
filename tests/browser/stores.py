"""The store that browser tests look at: two methods, a Dataset with lineages, names that are HTML."""

from pathlib import Path

import numpy as np
import pandas as pd

from tasks.dataset.dataset import write_dataset
from tests.made_stores import BODY, LINES_PER_FOLD, made_commit, made_writer, units_of

EVIL = "<script>alert(1)</script>"
FOLDS = 3
TARGETS = (
    "CTNNB1",
    "FAM50A",
    "KRAS",
    "M1",
    "NRAS",
    "SOX10",
    EVIL,
    'quo"te',
    "a/b",
    "none1",
    "flat1",
    *(f"GENE{n}" for n in range(60)),
)
METHODS = ("modifiers", "ridge")
MODIFIERS = tuple(f"M{n}" for n in range(9))  # all that a made store may name
LINEAGES = ("Breast", "Lung", EVIL)


def explored_store(folder: Path) -> Path:
    """The store, finished, and the Dataset that its runs name."""
    lines = [f"ACH-{fold:02d}{line:04d}" for fold in range(FOLDS) for line in range(LINES_PER_FOLD)]
    generator = np.random.default_rng(0)
    dataset = write_dataset(
        folder / "dataset",
        expression=generator.gamma(2, 1, (len(lines), len(MODIFIERS))).astype(np.float32),
        effect=generator.normal(size=(len(lines), len(TARGETS))).astype(np.float32),
        cell_lines=lines,
        genes=list(MODIFIERS),
        targets=list(TARGETS),
        lineages=[LINEAGES[at % len(LINEAGES)] for at in range(len(lines))],
    )
    folds = [
        {"number": n, "name": f"fold {n}", "n_train": 24, "n_test": LINES_PER_FOLD, "control": False}
        for n in range(FOLDS)
    ]
    body = {**BODY, "measure": "effect", "dataset_hash": dataset.content_hash, "folds": folds}
    writer = made_writer(folder / "store", body)
    for method in METHODS:
        units = units_of(TARGETS, range(FOLDS), method)
        writer.add_plan(units, dataset=str(dataset.path))
        for fold in range(FOLDS):
            made_commit(writer, units_of(TARGETS, [fold], method))
    writer.seal()
    return folder / "store"


SAMPLES = ("tumour 1", EVIL, "zeros")


def made_forecast(folder: Path) -> Path:
    """Predictions of three samples, wide, with intervals and their fit, as `predict` writes them."""
    generator = np.random.default_rng(1)
    index = pd.Index(SAMPLES, name="sample")
    wide = pd.DataFrame(
        generator.normal(size=(len(SAMPLES), len(TARGETS))), index=index, columns=list(TARGETS)
    )
    for name, shift in (("predictions", 0.0), ("predictions.low", -1.0), ("predictions.high", 1.0)):
        (wide + shift).to_csv(folder / f"{name}.csv")
    fit = {"sample": SAMPLES, "nearest_line": "ACH-000001", "nearest_lineage": ["Lung", EVIL, ""]}
    fit |= {"nearest_r": [0.9, 0.8, None], "known_share": [1.0, 0.9, 1.0], "outside_share": [0.01, 0.02, 0.9]}
    fit |= {"flagged": [False, False, True], "why": ["", "", "all values are 0"]}
    pd.DataFrame(fit).to_csv(folder / "predictions.samples.csv", index=False)
    return folder / "predictions.csv"
