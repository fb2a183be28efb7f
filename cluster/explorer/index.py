"""What the explorer computes once for each state of a store, so that a page of a whole genome opens at once.

An index is a folder of the user's cache: the table `genes`, and predictions as arrays in which a target is
one row. It is named by what the store had committed, so a store that grew gets another one. Anything in it
can be deleted at any time.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cluster.store import layout
from cluster.store.body import sha256
from cluster.store.reader import StoreReader
from cluster.views.folds import control_folds
from cluster.views.genes_blocks import genes_in_blocks

FORMAT = 1  # a change of what an index holds raises it
SIDES = ("measured", "predicted")
KEPT = 8  # indexes of this many store states stay in the cache

Progress = Callable[[float], None]  # called with the share that is done, 0..1


def cache_folder() -> Path:
    """Where indexes live: `$XDG_CACHE_HOME/knockcast/explore`, else below `~/.cache`."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "knockcast" / "explore"


def index_key(reader: StoreReader) -> str:
    """The name of an index: what it was made from, committed, planned and quarantined."""
    keys = [commit.key for commit in reader.commits()]
    beside = [*reader.fs.paths(layout.PLANS), *reader.fs.paths(layout.QUARANTINE)]
    text = json.dumps([FORMAT, reader.run_digest, keys, sorted(beside)])
    return sha256(text.encode())[:32]


@dataclass(frozen=True, eq=False)
class Index:
    """An index that is done. `methods` are those with predictions, in the order of their arrays."""

    genes: pd.DataFrame
    targets: dict[str, int]
    methods: tuple[str, ...]
    lines: np.ndarray  # of each column of the arrays, the cell line's id
    folds: np.ndarray  # of each column, the fold that tested it
    measured: np.ndarray  # methods x targets x columns, float32, NaN where nothing is stored
    predicted: np.ndarray

    @classmethod
    def open(cls, folder: Path) -> "Index":
        """The index in a folder; OSError or ValueError where there is none, or a damaged one."""
        body = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in SIDES}
        return cls(
            genes=pq.read_table(folder / "genes.parquet").to_pandas(),
            targets={target: at for at, target in enumerate(body["targets"])},
            methods=tuple(body["methods"]),
            lines=np.array(body["lines"], dtype=object),
            folds=np.array(body["folds"], dtype=np.int64),
            **arrays,
        )

    def predictions(self, target: str) -> pd.DataFrame:
        """One target's out-of-fold predictions: method, cell_line, fold, measured, predicted (float32)."""
        at = self.targets.get(target)
        parts = [self._of(number, at) for number in range(len(self.methods)) if at is not None]
        columns = ["method", "cell_line", "fold", *SIDES]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)

    def _of(self, method: int, target: int) -> pd.DataFrame:
        measured, predicted = self.measured[method, target], self.predicted[method, target]
        known = ~np.isnan(predicted) & ~np.isnan(measured)
        frame = {"method": self.methods[method], "cell_line": self.lines[known], "fold": self.folds[known]}
        return pd.DataFrame(frame | {"measured": measured[known], "predicted": predicted[known]})


def build_index(reader: StoreReader, folder: Path, progress: Progress) -> None:
    """Write the index of a store into a folder, whole or not at all. OSError where that fails."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix="making-"))
    try:
        _write_predictions(reader, made, lambda share: progress(0.3 * share))
        genes = genes_in_blocks(reader, lambda share: progress(0.3 + 0.7 * share))
        pq.write_table(genes, made / "genes.parquet")
        if not folder.exists():
            made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    _forget_old(folder.parent)


def build_aside(path: str, folder: Path, share: Any) -> None:
    """In a process of its own: make the index of the store at a path; `share.value` says how far it is."""
    os.nice(5)  # pages come first
    build_index(StoreReader.open(path), folder, lambda done: setattr(share, "value", done))


def _forget_old(cache: Path) -> None:
    """Delete the indexes that were made longest ago, all but `KEPT`."""
    made = sorted(
        (p for p in cache.iterdir() if (p / "index.json").exists()), key=lambda p: p.stat().st_mtime
    )
    for folder in made[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)


def _write_predictions(reader: StoreReader, folder: Path, progress: Progress) -> None:
    methods, targets, columns = _axes(reader)
    shape = (len(methods), len(targets), len(columns))
    arrays = {name: _array(folder / f"{name}.npy", shape) for name in SIDES}
    known = pa.array(targets, pa.string())
    for number, method in enumerate(methods):
        for part in _parts(reader, ("target", "cell_line", "fold", *SIDES), method):
            at = np.asarray(pc.index_in(part.column("target"), value_set=known)).astype(np.int64)
            place = _places(part, columns)
            for name, array in arrays.items():
                array[number, at, place] = part.column(name).to_numpy()
        progress((number + 1) / len(methods))
    body: dict[str, list[Any]] = {"methods": methods, "targets": targets}
    body |= {"lines": [line for line, _ in columns], "folds": [fold for _, fold in columns]}
    (folder / "index.json").write_text(json.dumps(body), encoding="utf-8")


def _array(path: Path, shape: tuple[int, int, int]) -> np.ndarray:
    if 0 in shape:
        np.save(path, np.empty(shape, np.float32))
        return np.empty(shape, np.float32)
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    array[:] = np.nan
    return array


def _axes(reader: StoreReader) -> tuple[list[str], list[str], dict[tuple[str, int], int]]:
    """Methods, targets, and the column of each cell line and fold; of all folds that count."""
    methods, targets = set(), set()
    found: set[tuple[str, int]] = set()
    for commit, part in reader.parts("predictions", ("method", "target", "cell_line", "fold")):
        del commit
        methods.update(pc.unique(part.column("method")).to_pylist())
        targets.update(pc.unique(part.column("target")).to_pylist())
        pairs = part.select(["cell_line", "fold"]).group_by(["cell_line", "fold"]).aggregate([])
        found.update(_pairs(pairs))
    aside = control_folds(reader.run)
    columns = sorted((pair for pair in found if pair[1] not in aside), key=lambda pair: (pair[1], pair[0]))
    return sorted(methods), sorted(targets), {pair: at for at, pair in enumerate(columns)}


def _parts(reader: StoreReader, columns: tuple[str, ...], method: str) -> Iterable[pa.Table]:
    aside = pa.array(sorted(control_folds(reader.run)), pa.int32())
    for _, part in reader.parts("predictions", columns, None, method):
        yield part.filter(pc.invert(pc.is_in(part.column("fold"), value_set=aside))) if len(aside) else part


def _places(part: pa.Table, columns: dict[tuple[str, int], int]) -> np.ndarray:
    """The column of each row."""
    if not part.num_rows:
        return np.empty(0, np.int64)
    lines = part.column("cell_line").combine_chunks().dictionary_encode()
    folds, fold = np.unique(np.asarray(part.column("fold")), return_inverse=True)
    names = lines.dictionary.to_pylist()
    table = np.array([[columns.get((name, int(f)), -1) for f in folds] for name in names], dtype=np.int64)
    return table[np.asarray(lines.indices), fold]


def _pairs(part: pa.Table) -> Iterable[tuple[str, int]]:
    return zip(part.column("cell_line").to_pylist(), part.column("fold").to_pylist(), strict=True)
