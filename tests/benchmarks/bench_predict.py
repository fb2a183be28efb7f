"""Scoring 1000 samples with the final models of a whole genome: a store of invented models, then `predict`.

The store has all that a run leaves of two methods, `modifiers` and `kernel`: final models of 18 000 targets
and, for the trust, the out-of-fold predictions of 1000 lines, each with its scores. Only the numbers are
invented.
"""

import hashlib
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import save

from cluster.store.filesystem import open_filesystem
from cluster.store.units import FINAL_FOLD, Unit, shard_key
from cluster.store.writer import StoreWriter
from tasks.artifacts.files import training_bytes
from tasks.methods.kernels import METHODS
from tasks.scoring.model_rows import as_json, model_checksum
from tasks.tables.schemas import table_of
from tests.benchmarks.measure import watched

GENES, TARGETS, LINES, SAMPLES, FOLDS = 18_000, 18_000, 1000, 1000, 5
SHARD = 1500
MODIFIERS = 20
LIMIT_SECONDS, LIMIT_BYTES = 60, 4 * 2**30

Tables = dict[str, list[dict[str, Any]]]


def make_store(path: Path, targets: int, lines: int, genes: int) -> None:
    """A finished store of invented numbers."""
    names = [f"GENE{i}" for i in range(genes)]
    cell_lines = np.array([f"ACH-{i:06d}" for i in range(lines)], dtype=object)
    rng = np.random.default_rng(0)
    data = training_bytes(list(cell_lines), names, rng.gamma(2, 1.5, (lines, genes)).astype(np.float32))
    writer = StoreWriter(open_filesystem(path))
    writer.open_run({"seed": 0, "scheme": "kfold", "measure": "effect"})
    writer.put_training(data)
    training = hashlib.sha256(data).hexdigest()
    chosen = [f"GENE{i}" for i in range(targets)]
    for method in ("modifiers", "kernel"):
        for fold in (*range(FOLDS), FINAL_FOLD):
            for start in range(0, targets, SHARD):
                units = [Unit(method, target, fold) for target in chosen[start : start + SHARD]]
                rows = _final(units, lines, names, training, rng) if fold == FINAL_FOLD else {}
                rows = rows or _scored(units, cell_lines[fold::FOLDS], rng)
                _commit(writer, units, rows)


def _commit(writer: StoreWriter, units: list[Unit], rows: Tables) -> None:
    key = shard_key(writer.run_digest, units)
    attempt = writer.begin_attempt(key, {"method": units[0].method, "fold": units[0].fold})
    tables = {name: table_of(name, blocks) for name, blocks in rows.items()}
    info = {"seconds": 1.0, "host": "here", "statuses": {"ok": len(units)}}
    writer.add_plan(units)
    writer.commit(key, attempt, units, tables, {}, info=info)


def _scored(units: list[Unit], lines: np.ndarray, rng: np.random.Generator) -> Tables:
    rows: Tables = {"scores": [], "predictions": [], "modifiers": []}
    for unit in units:
        key = {"method": unit.method, "target": unit.target, "fold": unit.fold}
        measured = rng.standard_normal(len(lines)).astype(np.float32).astype(np.float64)
        values = {"measured": measured, "predicted": 0.3 * measured + rng.standard_normal(len(lines))}
        values |= {f"predicted_{name}": rng.standard_normal(len(lines)) for name in ("lineage", "own")}
        rows["scores"].append(
            key | {"model": "ols", "pearson": 0.3, "train_mean": 0.0, "n_train": 800, "status": "ok"}
        )
        rows["predictions"].append(key | {"cell_line": lines} | values)
        if unit.method == "modifiers":
            chosen = np.array([f"GENE{i}" for i in rng.choice(TARGETS, MODIFIERS, replace=False)], object)
            rows["modifiers"].append(key | {"modifier": chosen, "rank": np.arange(1, MODIFIERS + 1)})
    return rows


def _final(
    units: list[Unit], lines: int, genes: list[str], training: str, rng: np.random.Generator
) -> Tables:
    make = _kernel_model if units[0].method == "kernel" else _linear_model
    return {"models": [make(unit, lines, genes, training, rng) for unit in units]}


def _linear_model(
    unit: Unit, lines: int, genes: list[str], training: str, rng: np.random.Generator
) -> dict[str, Any]:
    row: dict[str, Any] = {"method": unit.method, "target": unit.target, "kind": "ols", "status": "ok"}
    row["modifiers"] = [genes[i] for i in rng.choice(len(genes), MODIFIERS, replace=False)]
    row |= {
        "intercept": float(rng.standard_normal()),
        "coefficients": rng.standard_normal(MODIFIERS).tolist(),
    }
    return row | {"sha256": model_checksum(row)}


def _kernel_model(
    unit: Unit, lines: int, genes: list[str], training: str, rng: np.random.Generator
) -> dict[str, Any]:
    fields = next(method for method in METHODS if method.name == "kernel").checksum_fields
    row: dict[str, Any] = {"method": "kernel", "target": unit.target, "kind": "kernel", "status": "ok"}
    row |= {"modifiers": [], "intercept": float(rng.standard_normal())}
    row["parameters"] = as_json({"c": 0.25, "p": 0.7, "penalty": 1.0, "training": training})
    row["weights"] = save({"dual": rng.standard_normal(lines)})
    return row | {"sha256": model_checksum(row, fields)}


def make_samples(path: Path, samples: int, genes: int) -> None:
    """A file of new samples."""
    values = np.random.default_rng(1).gamma(2, 1.5, (samples, genes)).astype(np.float32)
    index = pd.Index([f"sample{i}" for i in range(samples)], name="sample")
    pd.DataFrame(values, index=index, columns=[f"GENE{i}" for i in range(genes)]).to_parquet(path)


def main() -> None:
    """Print time and peak memory of `predict`, by method and by what is written."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_store(folder / "store", TARGETS, LINES, GENES)
        make_samples(folder / "samples.parquet", SAMPLES, GENES)
        print(
            f"{SAMPLES} samples x {TARGETS} targets, {GENES} genes, {LINES} training lines; must: "
            f"{LIMIT_SECONDS} s, {LIMIT_BYTES // 2**30} GiB\n\n| options | seconds | peak |\n|---|---|---|"
        )
        out = str(folder / "out.parquet")
        command = [sys.executable, "-m", "cluster", "predict", str(folder / "store")]
        for options in (
            ["--method", "kernel"],
            ["--method", "modifiers"],
            [],
            ["--interval", "0.9"],
            ["--long"],
        ):
            done = watched([*command, str(folder / "samples.parquet"), "--out", out, *options], show=False)
            slow = done.seconds > LIMIT_SECONDS or done.peak_bytes > LIMIT_BYTES
            verdict = " (over the limit)" if slow else ""
            said = " ".join(options) or "(auto)"
            print(
                f"| `{said}` | {done.seconds:.0f}{verdict} | {done.peak_bytes / 2**30:.1f} GiB |", flush=True
            )


if __name__ == "__main__":
    main()
