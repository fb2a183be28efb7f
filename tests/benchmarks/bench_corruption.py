"""Damage to every kind of file of a store and a Dataset: how much of it is found, and how much is read."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from cluster.execution.run import run
from cluster.formats import frame_text
from tests.chaos.corruption import WAYS, Count, compacted, damage_dataset, damage_store, with_records
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
        packed = [compacted(folder / name, folder / f"packed-{name}") for name in ("store", "other")]
        packs = damage_store(*packed, MUTANTS, only=("packs", "commits"))
        marked = [with_records(folder / f"marked-{target}", target) for target in "AB"]
        records = damage_store(*marked, MUTANTS, only=("attempts, failed", "quarantine", "analyses"))
        dataset = damage_dataset(folder / "dataset", folder / "other-dataset", MUTANTS, folder / "work")
    print(f"{MUTANTS} mutants of each kind of file: {', '.join(WAYS)}.\n")
    tables = {"store": store, "compacted store": packs, "store with failures": records, "Dataset": dataset}
    for of, counts in tables.items():
        print(_table(of, counts))
    return int(any(count.wrong or count.missed for counts in tables.values() for count in counts.values()))


def _table(of: str, counts: dict[str, Count]) -> str:
    rows = [[kind, count.mutants, count.found, count.wrong] for kind, count in counts.items()]
    return frame_text(
        pd.DataFrame(rows, columns=[f"files of the {of}", "mutants", "found", "read as numbers"])
    )


if __name__ == "__main__":
    sys.exit(main())
