"""What the pages ask of a store, answered quickly: from the index once it is there, else from the store."""

import difflib
import threading
from collections import Counter
from contextlib import suppress
from functools import cached_property, lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from cluster.answers.gather import codependents_of
from cluster.answers.gene import GenePage, page_of_target
from cluster.answers.names import finder_of_store, left_out
from cluster.answers.relating import stored_relations
from cluster.answers.status import unfinished
from cluster.explorer.index import Index, build_aside, cache_folder, index_key
from cluster.explorer.reader import KeptReader
from cluster.store.reader import StoreReader
from cluster.views.folds import control_folds
from cluster.views.genes import scored_folds
from cluster.views.genes_blocks import q_values
from cluster.views.registry import view
from cluster.views.run_dataset import lineages_of
from cluster.views.shards import failures_table, shards_table
from tasks.analyses.answer.evidence import CoDependent
from tasks.dataset.gene_finder import GeneFinder
from tasks.errors import BadInputError
from tasks.tables.computed_tables import GENES

if TYPE_CHECKING:
    from cluster.answers.status import Status
    from cluster.results.explain import GeneExplanation

COLUMNS = {column.name: column for column in GENES.columns}
UNKNOWN = "unknown lineage"


class StoreData:
    """One store, as of the moment it was opened. Methods may be called from several threads.

    Raises BadInputError where there is no store.
    """

    def __init__(self, path: str | Path, cache: Path | None = None) -> None:
        self.path = str(path)
        self.reader = KeptReader.open(path)
        self._cache = cache or cache_folder()
        self._folder = self._cache / index_key(self.reader)
        self._index: Index | None = None
        self.share = 0.0  # of the index that is made
        self.trouble = ""  # why the index cannot be made, in words

    def prepare(self) -> None:
        """Open the index, or begin to make it in a process of its own, whose memory ends with it."""
        is_there = self._open()
        threading.Thread(target=self._get_ready, args=(is_there,), daemon=True).start()

    @property
    def is_ready(self) -> bool:
        """Whether everything is computed that takes long; until then `genes` lacks what needs predictions."""
        return self._index is not None

    @property
    def index_key(self) -> str:
        """Names what of the store is shown."""
        return self._folder.name

    def genes(self, method: str) -> pd.DataFrame:
        """The method's rows of the table `genes`, one a target."""
        frame = self._rows
        return frame[frame["method"] == method].reset_index(drop=True)

    def gene_rows(self, target: str) -> pd.DataFrame:
        """One target's rows of `genes`, one a method."""
        frame = self._rows
        return frame[frame["target"] == target].reset_index(drop=True)

    @property
    def _rows(self) -> pd.DataFrame:
        return self._index.genes if self._index is not None else self._quick

    @cached_property
    def _quick(self) -> pd.DataFrame:
        return _quick_genes(self.reader)

    def predictions(self, target: str) -> pd.DataFrame:
        """Out-of-fold predictions: method, cell_line, fold, measured, predicted, lineage."""
        frame, known = self._read_predictions(target), self.lineages
        return frame.assign(lineage=[known.get(line, "") or UNKNOWN for line in frame["cell_line"]])

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The methods that predict targets, the one with the best mean r first."""
        means = self._rows.assign(r=self._rows["pearson"].fillna(0)).groupby("method")["r"].mean()
        return tuple(means.sort_values(ascending=False, kind="stable").index)

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """Every target that the run wants, sorted."""
        wanted = {unit.target for unit in self.reader.wanted_units() if not unit.is_fold_level}
        return tuple(sorted(wanted | set(self._rows["target"])))

    @cached_property
    def by_upper(self) -> dict[str, str]:
        """Targets by their names in capitals."""
        return {target.upper(): target for target in reversed(self.targets)}

    @cached_property
    def lineages(self) -> dict[str, str]:
        """The lineage of each cell line, of those whose lineage is known."""
        return lineages_of(self.reader)

    @cached_property
    def cell_lines(self) -> pd.DataFrame:
        """What is known of the cell lines: table `cell_lines`."""
        return self.table("cell_lines")

    def page(self, target: str, method: str | None = None) -> GenePage:
        """All that `knockcast gene` tells of a target by one method, but for co-dependent targets."""
        return self._page(target, method, self.knows_q)

    @property
    def knows_q(self) -> bool:
        """Whether q can be told: from the index, or slowly where there can be none."""
        return self.is_ready or bool(self.trouble)

    @lru_cache(maxsize=64)  # noqa: B019 - one StoreData lives as long as the program
    def _page(self, target: str, method: str | None, knows_q: bool) -> GenePage:
        del knows_q  # another answer
        return page_of_target(self.reader, target, method, q=self._q, codependents=False)

    def _q(self, method: str) -> dict[str, float]:
        """A method's q by target; before the index is there nobody knows it."""
        if not self.knows_q:
            return {}
        return self.reader.remember(f"q of {method}", lambda: self._q_of(method))

    def _q_of(self, method: str) -> dict[str, float]:
        if self._index is None:
            return q_values(self.reader, method)
        mine = self.genes(method)
        return dict(zip(mine["target"], mine["q_value"], strict=True))

    def codependents(self, target: str) -> tuple[tuple[CoDependent, ...], list[str]]:
        """Targets whose measured effects go with one's, and what could not be looked at."""
        notes: list[str] = []
        genes = [modifier.gene for modifier in self.page(target).verdict.evidence.modifiers]
        return codependents_of(self.reader, target, stored_relations(self.reader), notes, genes), notes

    @cached_property
    def failures(self) -> pd.DataFrame:
        """What could not be fitted, or was set aside."""
        return failures_table(self.reader).to_pandas()

    @lru_cache(maxsize=4)  # noqa: B019 - one StoreData lives as long as the program
    def explain(self, target: str) -> "GeneExplanation":
        """What carries a target's predictions; see `cluster.results.explain.explain_gene`."""
        from cluster.results.explain import explain_gene  # noqa: PLC0415 - the same

        return explain_gene(self.reader, target, page=self.page(target))

    def table(self, name: str) -> pd.DataFrame:
        """Any table of the store, whole."""
        return view(self.reader, name).to_pandas()

    @cached_property
    def shards(self) -> pd.DataFrame:
        """What became of each piece of work."""
        return shards_table(self.reader).to_pandas()

    def close(self, name: str) -> list[str]:
        """Targets whose names are close to one that is none."""
        close = difflib.get_close_matches(name.strip().upper(), list(self.by_upper), n=4, cutoff=0.6)
        return [self.by_upper[upper] for upper in close] or self.matching(name, 4)

    @property
    def name(self) -> str:
        """The store's name, as a heading."""
        return self.path.rstrip("/").rsplit("/", 1)[-1]

    @cached_property
    def unfinished(self) -> str:
        """What to say before results where the run is not finished; empty where it is."""
        wanted, done = self.reader.wanted_units(), self.reader.committed_units().keys()
        left = wanted - done
        left -= self.reader.quarantined().keys() if left else set()
        return unfinished(len(wanted & done), len(wanted), len(left))

    @cached_property
    def status(self) -> "Status":
        """How far the run is."""
        from cluster.results.store import Store  # noqa: PLC0415 - it loads all that predicts; one page needs it

        return Store(self.path).status()

    def resolve(self, name: str) -> str | None:
        """The target meant by any name that `knockcast gene` takes; None where there is none."""
        if name in self._known:
            return name
        try:
            return self._finder.find(name)
        except BadInputError:
            return None

    def left_out(self, name: str) -> str:
        """What to do about a target that the Dataset has and the run did not ask for; empty for others."""
        return left_out(self.reader, name) or ""

    @cached_property
    def _finder(self) -> GeneFinder:
        return finder_of_store(self.reader)

    def matching(self, text: str, most: int = 12) -> list[str]:
        """Targets that begin with a text, then others that hold it; each the shortest first, then by name."""
        part = text.strip().upper()
        holding = [name for upper, name in self.by_upper.items() if part in upper] if part else []
        return sorted(holding, key=lambda name: (not name.upper().startswith(part), len(name), name))[:most]

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.targets)

    def _read_predictions(self, target: str) -> pd.DataFrame:
        columns = ("method", "cell_line", "fold", "measured", "predicted")
        frame = self.reader.table("predictions", columns, (target,)).to_pandas()
        counted = ~frame["fold"].isin(control_folds(self.reader.run))
        return frame[counted].dropna(subset=["measured", "predicted"]).reset_index(drop=True)

    def _open(self) -> bool:
        try:
            found = Index.open(self._folder)
        except (OSError, ValueError, KeyError):
            return False
        self.reader.tables, self._index = found.tables, found
        return True

    def _get_ready(self, is_there: bool) -> None:
        """What takes long and every page needs, before somebody asks; the index first."""
        if not is_there:
            self._make()
        for name in ("by_upper", "lineages", "failures", "status"):
            getattr(self, name)
        if self.targets:
            self.page(self.targets[0])

    def _make(self) -> None:
        with suppress(OSError):  # no process to be had: said below
            self._make_aside()
        if not self._open():
            self.trouble = f"the index could not be made in {self._cache}; pages take longer without it"

    def _make_aside(self) -> None:
        spawn = get_context("spawn")
        receiving, sending = spawn.Pipe(duplex=False)
        process = spawn.Process(target=build_aside, args=(self.path, self._folder, sending), daemon=True)
        process.start()
        sending.close()  # the other process's alone: when it ends, so does the pipe
        with suppress(EOFError):
            while True:
                self.share = float(receiving.recv_bytes())
        process.join()


def _quick_genes(reader: StoreReader) -> pd.DataFrame:
    """The table `genes` without what needs predictions: null there."""
    scores = scored_folds(reader).to_pandas()
    grouped = scores.groupby(["method", "target"], sort=True)
    frame = grouped.agg(folds=("fold", "size"), pearson=("pearson", "mean")).reset_index()
    models = scores.dropna(subset="model").groupby(["method", "target", "model"]).size().rename("n")
    if len(models):
        first = models.reset_index().sort_values(["n", "model"], ascending=[False, True], kind="stable")
        frame = frame.merge(
            first.drop_duplicates(["method", "target"]).drop(columns="n"), on=["method", "target"], how="left"
        )
    facts = reader.targets()
    if facts is not None:
        frame = frame.merge(
            facts.select(["target", "class", "mean", "sd"]).to_pandas(), on="target", how="left"
        )
    return frame.reindex(columns=list(COLUMNS))


def counts(frame: pd.DataFrame, column: str) -> dict[str, int]:
    """How often each value occurs, the most frequent first."""
    return dict(Counter(frame[column].dropna()).most_common())
