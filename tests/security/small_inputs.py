"""A small release, a store with one model, a real one with predictions, and the commands that read files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from cluster.store.units import FINAL_FOLD
from tasks.scoring.model_rows import model_checksum
from tasks.tables.schemas import table_of
from tests.commands import knockcast
from tests.made_stores import made_commit, made_writer, units_of

GENES = [f"G{number}" for number in range(5)]
LINES = [f"ACH-{number:06d}" for number in range(30)]
FILES = {"expression": "expression.csv", "effect": "effect.csv", "models": "models.csv"}


def made_inputs(folder: Path) -> Path:
    """Write the three files of `FILES`, and `store`."""
    for seed, name in enumerate(("effect", "expression")):
        values = np.random.default_rng(seed).uniform(0, 9, (len(LINES), len(GENES))).round(3)
        frame = pd.DataFrame(values, columns=GENES, index=pd.Index(LINES, name="ModelID"))
        frame.to_csv(folder / FILES[name])
    cell_lines = pd.DataFrame({"ModelID": LINES, "OncotreeLineage": ["Lung", "Skin"] * (len(LINES) // 2)})
    cell_lines.to_csv(folder / FILES["models"], index=False)
    row = {"method": "modifiers", "target": "T", "kind": "ols", "status": "ok", "intercept": 0.5}
    row |= {"modifiers": ["G0", "G1"], "coefficients": [1.0, -1.0]}
    units, writer = units_of(["T"], [FINAL_FOLD]), made_writer(folder / "store")
    writer.add_plan([*units, *(folds := units_of(["T"], [0, 1]))])
    for unit in folds:
        made_commit(writer, [unit])
    made_commit(writer, units, tables={"models": table_of("models", [row | {"sha256": model_checksum(row)}])})
    return folder


def importing(name: str, role: str, out: str = "out") -> list[str]:
    """The words of an import whose file of one role is another."""
    files = FILES | {role: name}
    return ["import", *(word for role, name in files.items() for word in (f"--{role}", name)), "--out", out]


def made_run(folder: Path) -> Path:
    """`made_inputs`; and `dataset`, a run on it in `ran`, and predictions in `forecast.csv`."""
    made_inputs(folder)
    files = [word for role, name in FILES.items() for word in (f"--{role}", folder / name)]
    dataset, ran = folder / "dataset", folder / "ran"
    for words in (
        ["import", *files, "--out", dataset],
        ["run", dataset, "--store", ran, "--method", "ridge", "--workers", "0", "--folds", "3"],
        ["predict", ran, folder / FILES["expression"], "--out", folder / "forecast.csv"],
    ):
        ended = knockcast(*words)
        assert ended.returncode == 0, ended.stderr
    return folder


# The words of commands that read a file of the user's, in the folder of `made_run`.
READING: dict[str, Callable[[str], list[str]]] = {
    **{role: (lambda name, role=role: importing(name, role)) for role in FILES},
    "samples": lambda name: ["predict", "store", name, "--out", "out.csv"],
    "gene sets": lambda name: ["enrich", "ran", "--gene-sets", name],
    "paralogs": lambda name: ["enrich", "ran", "--paralogs", name],
    "targets": lambda name: ["plan", "dataset", "--targets", f"@{name}"],
    "forecast": lambda name: ["tissues", "ran", name, "--groups", "models.csv"],
    "groups": lambda name: ["tissues", "ran", "forecast.csv", "--groups", name],
    "gene ids": lambda name: ["predict", "store", "expression.csv", "--gene-ids", name, "--out", "out.csv"],
}
