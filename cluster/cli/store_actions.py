"""What `knockcast status`, `verify`, `gc`, `query` and `gene` do and print."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from cluster.errors import ExitCode
from cluster.formats import KINDS, to_bytes
from cluster.results.gene import GenePage
from cluster.results.store import Status, Store
from cluster.store.checkpoints import trainings
from cluster.store.filesystem import open_filesystem
from cluster.store.maintain import gc, verify
from cluster.store.reader import StoreReader
from cluster.text import measure_in_words
from cluster.views.query import query
from tasks.errors import BadInputError

BEST = [
    "target",
    "model",
    "pearson",
    "pearson_pooled",
    "pearson_low",
    "pearson_high",
    "q_value",
    "gain",
    "stability",
]


def show_status(store: str) -> None:
    """Print how far a store's runs are, and what failed."""
    reader, opened = StoreReader.open(store), Store(store)
    status = opened.status()
    print(f"{store}: {_state(reader, status)}; preset {reader.run['preset']}, scheme {reader.run['scheme']}, "
          f"seed {reader.run['seed']}, measure: {measure_in_words(reader.run['measure'])}")  # fmt: skip
    print(f"units: {status.wanted} wanted, {status.committed} committed, {status.quarantined} quarantined")
    print(f"attempts: {status.failed_attempts} failed, {status.lost_attempts} lost or running")
    print("ended as: " + ", ".join(f"{name} {count}" for name, count in status.statuses.items()))
    print(_text(status.by_fold), end="")
    committed = {commit.key for commit in reader.commits()}
    for key, training in trainings(reader.fs).items():
        if key in committed:
            continue
        print(f"in training: shard {key[:12]}: {training}")
    for unit, errors in reader.quarantined().items():
        last = str(errors[-1]).splitlines()[0] if errors else "no error recorded"
        print(f"quarantined: {unit}: {last}")
    if status.left or status.quarantined:
        print(f"knockcast resume {store}{' --retry-failed' if not status.left else ''}")


def _state(reader: StoreReader, status: Status) -> str:
    """How far the run is, in words; _SUCCESS alone does not make it complete."""
    if not status.wanted or reader.committed_units().keys() - reader.wanted_units():
        return "its plan is missing; repeat the original `knockcast run`"
    if status.left:
        return f"{status.left} units left"
    return "complete" if status.sealed else "not sealed"


def verify_store(store: str, repair: bool) -> ExitCode:
    """Check a store and print every problem; STORAGE unless it is whole, or `it was made so."""
    report = verify(open_filesystem(store), repair=repair)
    for line in report.lines():
        print(line)
    return ExitCode.STORAGE if report.left else ExitCode.DONE


def collect_garbage(store: str) -> None:
    """Remove what crashed or late attempts left, and say what."""
    removed = gc(open_filesystem(store))
    print(f"{store}: {len(removed)} files removed")
    for path in removed:
        print(f"  {path}")


def run_query(store: str, sql: str, output: str, out: Path | None) -> None:
    """Print a query's result, or write it to a file."""
    if output not in KINDS:
        raise BadInputError(f"--format {output}: unknown; known are {', '.join(KINDS)}")
    if output == "parquet" and out is None:
        raise BadInputError("--format parquet: a file is needed; give --out FILE")
    data = to_bytes(query(StoreReader.open(store), sql), output)
    if out is None:
        sys.stdout.write(data.decode())
        return
    try:
        out.write_bytes(data)
    except OSError as error:
        raise BadInputError(f"--out {out}: cannot be written: {error.strerror}") from None


def print_best(store: Store, count: int) -> None:
    """Print the best-predicted targets."""
    print(
        f"\nThe {count} best-predicted targets (r between measured and predicted on held-out cell lines):\n"
    )
    print(_text(best_targets(store, count)[BEST]), end="")


def best_targets(store: Store, count: int) -> pd.DataFrame:
    """The rows of `genes` with the highest pooled r, best first."""
    return (
        store.genes().sort_values("pearson_pooled", ascending=False, kind="stable").head(count).reset_index()
    )


def show_gene(store: str, name: str) -> None:
    """Print everything a store knows of one target."""
    page = Store(store).gene(name)
    print(f"{page.target}\n")
    for title, frame in _sections(page):
        if len(frame):
            print(f"{title}\n{_text(frame)}")
    for unit, errors in page.missing.items():
        print(f"no result: {unit.method}, fold {unit.fold}: {'; '.join(map(str, errors)) or 'not done yet'}")


def _sections(page: GenePage) -> Sequence[tuple[str, pd.DataFrame]]:
    scores = page.scores.drop(columns=["target", "seconds"])
    return (
        ("over all folds", _upright(page.summary.drop(columns=["target", "q_value"]))),
        ("scores", scores.drop(columns="reason") if scores["reason"].isna().all() else scores),
        ("modifiers, most chosen first; r, rho and chi-squared are means over the folds", page.modifiers),
        ("candidates", page.candidates.drop(columns=["target", "seconds", "reason"])),
        ("failures", page.failures),
    )


def _upright(summary: pd.DataFrame) -> pd.DataFrame:
    """One row per column of `genes` and one column per method: what is wide and short, readable."""
    methods = summary["method"].tolist()
    values = summary.drop(columns="method").astype(object).T
    return pd.DataFrame(
        {"": values.index, **{m: [_value(v) for v in values[i]] for i, m in enumerate(methods)}}
    )


def _value(value: Any) -> str:
    if pd.isna(value):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _text(frame: pd.DataFrame) -> str:
    return to_bytes(pa.Table.from_pandas(frame, preserve_index=False), "table").decode()
