"""What the explorer computes once for each state of a store, so that a page of a whole genome opens at once.

An index is a folder of the user's cache: the table `genes`, and tables of the store ordered by target. It is
named by what the store had committed, so a store that grew gets another one. Anything in it can be deleted at
any time.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from cluster.explorer.reader import KeptReader
from cluster.explorer.target_tables import TargetTables, write_tables
from cluster.store import layout
from cluster.store.body import sha256
from cluster.store.places import cache as copies
from cluster.store.reader import StoreReader
from cluster.views.genes_blocks import committed_targets, genes_in_blocks

FORMAT = 2  # a change of what an index holds raises it
AT_ONCE = 1504  # targets whose rows are in memory, a multiple of a batch of `target_tables`
TABLES_SHARE = 0.4  # of the time
KEPT = 4  # indexes of this many store states stay in the cache
STALE_SECONDS = 24 * 3600.0  # nobody makes an index for so long

Progress = Callable[[float], None]  # called with the share that is done, 0..1


def cache_folder() -> Path:
    """Where indexes live, if no other folder is named."""
    return copies.cache_folder() / "explore"


def index_key(reader: StoreReader) -> str:
    """The name of an index: what it was made from, committed, planned and quarantined."""
    keys = [commit.key for commit in reader.commits()]
    beside = [*reader.fs.paths(layout.PLANS), *reader.fs.paths(layout.QUARANTINE)]
    text = json.dumps([FORMAT, reader.run_digest, keys, sorted(beside)])
    return sha256(text.encode())[:32]


@dataclass(frozen=True, eq=False)
class Index:
    """An index that is done: the table `genes`, and tables of the store by target."""

    genes: pd.DataFrame
    tables: TargetTables

    @classmethod
    def open(cls, folder: Path) -> "Index":
        """The index in a folder; OSError or ValueError where there is none, or a damaged one."""
        body = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        tables = TargetTables.open(folder, body["targets"])
        return cls(pq.read_table(folder / "genes.parquet").to_pandas(), tables)


def build_index(reader: KeptReader, folder: Path, progress: Progress) -> None:
    """Write the index of a store into a folder, whole or not at all. OSError where that fails."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix="making-"))
    try:
        targets = committed_targets(reader)
        for share in write_tables(reader, made, targets, AT_ONCE):
            progress(TABLES_SHARE * share)
        reader.tables = TargetTables.open(made, targets)
        genes = genes_in_blocks(reader, lambda share: progress(TABLES_SHARE + (1 - TABLES_SHARE) * share))
        pq.write_table(genes, made / "genes.parquet")
        (made / "index.json").write_text(json.dumps({"targets": targets}), encoding="utf-8")
        if not folder.exists():
            made.rename(folder)
    finally:
        reader.tables = None
        shutil.rmtree(made, ignore_errors=True)
    _forget_old(folder.parent)


def build_aside(path: str, folder: Path, progress: Connection) -> None:
    """In a process of its own: make the index of the store at a path, and send how far it is."""
    os.nice(5)  # pages come first
    build_index(KeptReader.open(path), folder, lambda done: progress.send_bytes(str(done).encode()))


def _forget_old(cache: Path) -> None:
    """Delete the indexes that were made longest ago, all but `KEPT`, and those nobody finished in a day."""
    for unfinished in cache.glob("making-*"):
        if time.time() - unfinished.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(unfinished, ignore_errors=True)
    made = sorted(
        (p for p in cache.iterdir() if (p / "index.json").exists()), key=lambda p: p.stat().st_mtime
    )
    for folder in made[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)
