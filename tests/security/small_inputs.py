"""A small release, and a store with one model that forecasts its lines."""

from pathlib import Path

import numpy as np
import pandas as pd

from cluster.store.units import FINAL_FOLD
from tasks.scoring.model_rows import model_checksum
from tasks.tables.schemas import table_of
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
    cell_lines = pd.DataFrame({"ModelID": LINES, "OncotreeLineage": "Lung"})
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
