"""Small stores of invented numbers, for tests of the store itself."""

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cluster.store.filesystem import open_filesystem
from cluster.store.units import FINAL_FOLD, Unit, shard_key
from cluster.store.writer import StoreWriter
from tasks.tables.schemas import table_of

BODY: dict[str, Any] = {"seed": 0, "scheme": "kfold", "settings": {"top": 20, "fdr": 0.05}}
LINES_PER_FOLD, LINEAGES = 12, 4


def made_writer(path: Path, body: dict[str, Any] = BODY) -> StoreWriter:
    writer = StoreWriter(open_filesystem(path))
    writer.open_run(body)
    return writer


def units_of(targets: Iterable[str], folds: Iterable[int], method: str = "modifiers") -> list[Unit]:
    return [Unit(method, target, fold) for fold in folds for target in targets]


def made_tables(units: Sequence[Unit], shift: float = 0.0) -> dict[str, pa.Table]:
    """What a shard might write. Each unit's rows depend on the unit alone (and on `shift`)."""
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("scores", "predictions", "modifiers", "candidates", "models")
    }
    for unit in units:
        if unit.fold == FINAL_FOLD:
            rows["models"].append(_model(unit))
        else:
            _add_fold(rows, unit, shift)
    return {name: table_of(name, blocks) for name, blocks in rows.items()}


def made_commit(
    writer: StoreWriter,
    units: Sequence[Unit],
    shift: float = 0.0,
    tables: dict[str, pa.Table] | None = None,
    files: dict[str, bytes] | None = None,
) -> str:
    """Begin, work and commit; returns the key."""
    key = shard_key(writer.run_digest, units)
    attempt = writer.begin_attempt(
        key, {"method": units[0].method, "fold": units[0].fold, "units": len(units)}
    )
    info = {"seconds": 1.5, "host": "here", "statuses": {"ok": len(units)}}
    writer.commit(key, attempt, units, tables or made_tables(units, shift), files or {}, info=info)
    return key


def made_store(path: Path, targets: Sequence[str] = ("A", "B", "C"), folds: int = 3) -> StoreWriter:
    """A finished store: one shard a fold, and one of final fits."""
    writer = made_writer(path)
    numbers = [*range(folds), FINAL_FOLD]
    writer.add_plan(units_of(targets, numbers))
    for fold in numbers:
        made_commit(writer, units_of(targets, [fold]))
    writer.seal()
    return writer


def _generator(*parts: object) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr(parts).encode()))


def _model(unit: Unit) -> dict[str, Any]:
    return {"method": unit.method, "target": unit.target, "kind": "ols", "n_train": 36, "status": "ok"} | {
        "modifiers": ["M1", "M2"],
        "coefficients": [0.5, -0.25],
        "intercept": 0.125,
        "seconds": 0.5,
    }


def _add_fold(rows: dict[str, list[dict[str, Any]]], unit: Unit, shift: float) -> None:
    """Targets named `none...` have no modifiers, `flat...` a constant effect, `lone...` no own expression."""
    generator = _generator(unit.method, unit.target, unit.fold)
    key = {"method": unit.method, "target": unit.target, "fold": unit.fold}
    mean = float(generator.normal())
    score = {**key, "n_train": 24, "train_mean": mean, "seconds": float(generator.random())}
    if unit.target.startswith("flat"):
        rows["scores"].append({**score, "status": "constant_target", "reason": "the effect is constant"})
        return
    none = unit.target.startswith("none")
    measured = mean + generator.normal(size=LINES_PER_FOLD)
    noise = generator.normal(size=LINES_PER_FOLD)
    predicted = np.full(LINES_PER_FOLD, mean) if none else 0.6 * measured + 0.4 * noise + shift
    own = np.full(LINES_PER_FOLD, np.nan) if unit.target.startswith("lone") else measured + 2 * noise
    r = None if none else float(np.corrcoef(measured, predicted)[0, 1])
    kind = "mean" if none else str(generator.choice(["lasso", "ols", "tree"]))
    status = "no_modifiers" if none else "ok"
    rows["scores"].append({**score, "n_test": LINES_PER_FOLD, "model": kind, "pearson": r, "status": status})
    lines = np.array([f"ACH-{unit.fold:02d}{line:04d}" for line in range(LINES_PER_FOLD)], dtype=object)
    lineages = generator.normal(size=LINES_PER_FOLD)[np.arange(LINES_PER_FOLD) % LINEAGES]
    rows["predictions"].append(
        key
        | {"cell_line": lines, "measured": measured, "predicted": predicted}
        | {"predicted_lineage": mean + lineages, "predicted_own": own}
        | {"predicted_expression": own if unit.method == "other" else np.full(LINES_PER_FOLD, np.nan)}
        | {"predicted_confounders": own[::-1] if unit.method == "other" else np.full(LINES_PER_FOLD, np.nan)}
    )
    if none:
        return
    modifiers = sorted(generator.choice([f"M{i}" for i in range(9)], size=4, replace=False))
    for rank, modifier in enumerate(modifiers, start=1):
        statistic = {"pearson": float(generator.normal()), "spearman": 0.25, "chi2": 9.0, "by_pearson": True}
        rows["modifiers"].append({**key, "modifier": modifier, "rank": rank, **statistic})
    rows["candidates"].append(
        {**key, "candidate": kind, "chosen": True, "validation_rmse": 1.0, "status": "ok"}
    )
