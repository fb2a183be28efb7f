"""A finished store of invented numbers, as large as a whole genome's: for what reads stores."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from cluster.store.filesystem import open_filesystem
from cluster.store.units import FINAL_FOLD, Unit, shard_key
from cluster.store.writer import StoreWriter
from modeling.candidates.problem import Problem
from modeling.candidates.registry import candidate_of
from modeling.folds import Fold
from tasks.artifacts.files import training_bytes
from tasks.dataset.dataset import Dataset, write_dataset
from tasks.dataset.line_facts import line_facts
from tasks.methods.registry import method_named
from tasks.scoring.model_rows import as_json
from tasks.scoring.predict import checksum_of
from tasks.tables.schemas import table_of

FOLDS = 5
SHARD = 1500
MODIFIERS = 20
GATE = 10  # genes of an open one
TREES = (
    7  # every 7th model on modifiers is a tree, as among real ones (docs/benchmarks.md), the others linear
)
FOLLOWS = {"modifiers": 0.3, "kernel": 0.3, "best": 0.33}  # a prediction, of what is measured; the rest noise

Row = dict[str, Any]
Tables = dict[str, list[Row]]


class InventedStore:
    """Writes all that a run leaves of some methods for `predict`: final models and out-of-fold predictions.

    `best` predicts two thirds of the targets better than `modifiers` do; half its gates are open. With
    `lineages`, a Dataset of the same lines stands beside it, as PATH.dataset.
    """

    def __init__(self, path: Path, targets: int, lines: int, genes: int, lineages: int = 0) -> None:
        self.rng = np.random.default_rng(0)
        self.genes = [f"GENE{i}" for i in range(genes)]
        self.targets = [f"GENE{i}" for i in range(targets)]
        self.lines = np.array([f"ACH-{i:06d}" for i in range(lines)], dtype=object)
        values = expression(self.rng, lines, genes)
        data = training_bytes(list(self.lines), self.genes, values)
        self.training = hashlib.sha256(data).hexdigest()
        self.writer = StoreWriter(open_filesystem(path))
        self.dataset: Dataset | None = None
        body = {"seed": 0, "scheme": "kfold", "measure": "effect"}
        if lineages:
            self.dataset = self._written(path.with_name(f"{path.name}.dataset"), values, lineages)
            body |= {"dataset_hash": self.dataset.content_hash, "genes": genes, "cell_lines": lines}
        self.writer.open_run(body)
        if self.dataset is not None:
            none, rows = np.arange(0), np.arange(lines)
            folds = [Fold(number, "", none, rows[number::FOLDS]) for number in range(FOLDS)]
            self.writer.put_cell_lines(line_facts(self.dataset, folds), self.dataset.content_hash)
        self.writer.put_training(data)
        self.tree = self._grown()

    def _written(self, path: Path, values: np.ndarray, lineages: int) -> Dataset:
        """A Dataset of the same lines, so many lineages among them."""
        return write_dataset(
            path,
            expression=values,
            effect=self.rng.standard_normal((len(self.lines), len(self.targets))).astype(np.float32),
            cell_lines=list(self.lines),
            genes=self.genes,
            targets=self.targets,
            lineages=[f"Lineage {at % lineages}" for at in range(len(self.lines))],
        )

    def add(self, method: str, final: bool = True) -> None:
        """All folds of a method and, if asked for, final models, in shards."""
        folds = (*range(FOLDS), *([FINAL_FOLD] if final else []))
        wanted = [Unit(method, target, fold) for fold in folds for target in self.targets]
        self.writer.add_plan(wanted, dataset=str(self.dataset.path) if self.dataset else "")
        for fold in folds:
            for start in range(0, len(self.targets), SHARD):
                units = [Unit(method, target, fold) for target in self.targets[start : start + SHARD]]
                models = fold == FINAL_FOLD
                self._commit(
                    units, {"models": [self._model(u) for u in units]} if models else self._scored(units)
                )

    def _commit(self, units: list[Unit], rows: Tables) -> None:
        key = shard_key(self.writer.run_digest, units)
        attempt = self.writer.begin_attempt(key, {"method": units[0].method, "fold": units[0].fold})
        tables = {name: table_of(name, blocks) for name, blocks in rows.items()}
        info = {"seconds": 1.0, "host": "here", "statuses": {"ok": len(units)}}
        self.writer.commit(key, attempt, units, tables, {}, info=info)

    def _scored(self, units: list[Unit]) -> Tables:
        rows: Tables = {"scores": [], "predictions": [], "modifiers": []}
        for unit in units:
            lines = self.lines[unit.fold :: FOLDS]
            key = {"method": unit.method, "target": unit.target, "fold": unit.fold}
            measured, noise, lineage, own = self.rng.standard_normal((4, len(lines)))
            measured = measured.astype(np.float32).astype(np.float64)
            values = {"measured": measured, "predicted": FOLLOWS[unit.method] * measured + noise}
            values |= {"predicted_lineage": lineage, "predicted_own": own}
            score = {"model": unit.method, "pearson": 0.3, "train_mean": 0.0, "n_train": 800, "status": "ok"}
            rows["scores"].append(key | score)
            rows["predictions"].append(key | {"cell_line": lines} | values)
            if unit.method == "modifiers":
                chosen = np.array(self._chosen(MODIFIERS), object)
                rows["modifiers"].append(key | {"modifier": chosen, "rank": np.arange(1, MODIFIERS + 1)})
        return rows

    def _model(self, unit: Unit) -> Row:
        make = {"modifiers": self._on_modifiers, "kernel": self._kernel, "best": self._best}[unit.method]
        row = {"method": unit.method, "target": unit.target, "kind": unit.method, "status": "ok"}
        row |= {"intercept": float(self.rng.standard_normal()), "train_mean": 0.0} | make()
        return row | {"sha256": checksum_of(row, method_named(unit.method).checksum_fields)}

    def _on_modifiers(self) -> Row:
        row: Row = {"modifiers": self._chosen(MODIFIERS)}
        if not self.rng.integers(TREES):
            return row | {"kind": "tree", "intercept": None, "weights": self.tree}
        return row | {"kind": "ols", "coefficients": self.rng.standard_normal(MODIFIERS).tolist()}

    def _kernel(self) -> Row:
        return {"modifiers": []} | self._dual({})

    def _best(self) -> Row:
        genes = self._chosen(GATE * int(self.rng.integers(2)))
        gate, centre = self.rng.standard_normal((2, len(genes)))
        dual = self._dual({"low": -2.0, "high": 1.0}, gate=gate, centre=centre + 3)
        return {"modifiers": genes} | dual

    def _dual(self, parameters: Row, **weights: np.ndarray) -> Row:
        said = {"c": 0.25, "p": 0.7, "training": self.training} | parameters
        dual = self.rng.standard_normal(len(self.lines))
        return {"parameters": as_json(said), "weights": save({"dual": dual - dual.mean()} | weights)}

    def _chosen(self, count: int) -> list[str]:
        return [self.genes[i] for i in self.rng.choice(len(self.genes), count, replace=False)]

    def _grown(self) -> bytes:
        """A tree's weights: one for all, as nobody looks at what it predicts."""
        features = self.rng.standard_normal((len(self.lines), MODIFIERS))
        effect = features[:, 0] + self.rng.standard_normal(len(features))
        tree = candidate_of("tree").fit([Problem(features, effect, 0)])[0]
        assert tree.model is not None
        return save(tree.model.arrays())


def expression(rng: np.random.Generator, lines: int, genes: int) -> np.ndarray:
    """log2(TPM+1), about."""
    return rng.gamma(2, 1.5, (lines, genes)).astype(np.float32)
