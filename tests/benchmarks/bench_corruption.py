"""Damage to every kind of file of a store and a Dataset: how much of it is found, and how much is read."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from cluster.execution.run import run
from cluster.formats import frame_text
from tests.chaos.corruption import WAYS, Count, damage_dataset, damage_store
from tests.made_datasets import made_dataset, made_matrices, tiny_dataset

MUTANTS = 100  # of each kind of file
ASKED: dict[str, Any] = {"methods": ["modifiers", "best"], "folds": 2, "workers": 0}


def main() -> int:
    """Print one row a kind of file; 1 where any damage was missed or read as numbers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tiny_dataset(folder / "dataset")
        made_dataset(folder / "other-dataset", *made_matrices(50, seed=7))
        run(folder / "dataset", folder / "store", **ASKED)
        run(folder / "other-dataset", folder / "other", **ASKED)
        store = damage_store(folder / "store", folder / "other", MUTANTS)
        dataset = damage_dataset(folder / "dataset", folder / "other-dataset", MUTANTS, folder / "work")
    print(f"{MUTANTS} mutants of each kind of file: {', '.join(WAYS)}.\n")
    print(_table("store", store))
    print(_table("Dataset", dataset))
    return int(any(count.wrong or count.missed for count in (*store.values(), *dataset.values())))


def _table(of: str, counts: dict[str, Count]) -> str:
    rows = [[kind, count.mutants, count.found, count.wrong] for kind, count in counts.items()]
    return frame_text(
        pd.DataFrame(rows, columns=[f"files of the {of}", "mutants", "found", "read as numbers"])
    )


if __name__ == "__main__":
    sys.exit(main())
