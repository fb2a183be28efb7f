"""A small store of invented models by two methods, for tests of which predicts what."""

from pathlib import Path
from typing import Any

import numpy as np

from cluster.store.units import FINAL_FOLD, Unit, fold_level_unit
from tasks.scoring.model_rows import model_checksum
from tasks.tables.schemas import table_of
from tests.made_stores import BODY, made_commit, made_writer

FINAL_MEAN = 0.25
LINES = 12  # a fold

# Of each target: r of modifiers and of kernel out of fold (None: no prediction is stored), and what is taken.
# Over the four that both score and predict, kernel is better on average.
TARGETS: dict[str, tuple[float | None, float | None, str]] = {
    "EVEN": (0.5, 0.5, "kernel"),  # no better: the best on average
    "FAILED": (0.9, 0.1, "kernel"),  # the final fit of modifiers ended without a model
    "FLAT": (None, None, "modifiers"),  # no score at all
    "LEFT": (0.2, 0.8, "kernel"),
    "LUCKY": (0.35, 0.25, "kernel"),  # modifiers is better, but not by more than chance makes it
    "NEGATIVE": (-0.5, -0.2, "kernel"),
    "PARTLY": (0.3, 0.9, "modifiers"),  # kernel is scored in one fold of two
    "RIGHT": (0.8, 0.2, "modifiers"),  # clearly better
    "UNSCORED": (None, -0.3, "kernel"),
}
INTERCEPT = {"modifiers": 1.0, "kernel": 2.0}
NEEDS = {"modifiers": ["M1"], "kernel": ["M2"]}


def scored_fold(unit: Unit, r: float | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row of `scores` and the rows of `predictions` whose pooled r is `r`; without one, all constant."""
    key = {"method": unit.method, "target": unit.target, "fold": unit.fold}
    first = np.tile([1.0, -1.0, 1.0, -1.0], LINES // 4)
    noise = [1.0, 1.0, -1.0, -1.0] if unit.method == "modifiers" else [1.0, -1.0, -1.0, 1.0]
    other = np.tile(noise, LINES // 4)
    measured = np.zeros(LINES) if r is None else first
    predicted = 0 * first if r is None else r * first + np.sqrt(1 - r * r) * other
    lines = np.array([f"ACH-{unit.fold}{line:05d}" for line in range(LINES)], dtype=object)
    score = key | {"n_train": 24, "n_test": LINES, "train_mean": 0.0, "model": "ols", "pearson": r}
    return score | {"status": "ok"}, key | {"cell_line": lines, "measured": measured, "predicted": predicted}


def final_row(unit: Unit) -> dict[str, Any]:
    if unit.method == "modifiers" and unit.target == "FAILED":
        return {"method": unit.method, "target": unit.target, "status": "failed", "reason": "singular"}
    row: dict[str, Any] = {"method": unit.method, "target": unit.target, "kind": "ols", "status": "ok"}
    row["train_mean"] = FINAL_MEAN  # that of every fold is 0
    row |= {"modifiers": NEEDS[unit.method], "coefficients": [1.0], "intercept": INTERCEPT[unit.method]}
    return row | {"sha256": model_checksum(row)}


def two_methods(path: Path, measure: str = "effect") -> Path:
    """Final models and two folds of `modifiers` and `kernel`, and of a fold-level method."""
    writer = made_writer(path, BODY | {"measure": measure})
    drugs = fold_level_unit("drugs", FINAL_FOLD)
    writer.add_plan([drugs])
    made_commit(writer, [drugs], tables={}, files={"safetensors": b"x"})
    for place, method in enumerate(INTERCEPT):
        for fold in (0, 1):
            left_out = {"PARTLY"} if (method, fold) == ("kernel", 1) else set()
            units = [Unit(method, target, fold) for target in TARGETS if target not in left_out]
            rows = [scored_fold(unit, TARGETS[unit.target][place]) for unit in units]
            tables = {
                "scores": table_of("scores", [score for score, _ in rows]),
                "predictions": table_of("predictions", [lines for _, lines in rows]),
            }
            writer.add_plan(units)
            made_commit(writer, units, tables=tables)
        final = [Unit(method, target, FINAL_FOLD) for target in TARGETS]
        writer.add_plan(final)
        made_commit(writer, final, tables={"models": table_of("models", [final_row(u) for u in final])})
    return path
