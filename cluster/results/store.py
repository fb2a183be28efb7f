"""A store as its users see it: pandas frames of every table, one gene's page, and how far the run is."""

from pathlib import Path

import pandas as pd
import pyarrow as pa

from cluster.answers.gene import GenePage, gene_page
from cluster.answers.listing import (
    DEFAULT_LINEAGE_SORT,
    DEFAULT_SORT,
    best_method,
    in_order,
    lineage_named,
    narrowed,
    with_lineage,
)
from cluster.answers.names import find_target, targets_of_store
from cluster.answers.status import Status, in_words, status_of
from cluster.results.long_table import long_table
from cluster.results.predict import Prediction, predict_samples
from cluster.results.rank_drugs import rank_samples
from cluster.store.reader import StoreReader
from cluster.views.cell_lines import predictions_table, target_lineages_table
from cluster.views.genes_blocks import q_values
from cluster.views.query import MOST_BYTES, TIME_LIMIT, query
from cluster.views.registry import view
from cluster.views.run_dataset import lineages_of
from tasks.analyses.answer.relations import GeneRelations
from tasks.samples.prepare import Reading


class Store:
    """A finished or growing store, read-only.

        store = Store("depmap.store")
        store["CTNNB1"]                                   # the verdict on one target; Tab completes names
        store.top(lineage="Breast")                       # the targets predicted best within a lineage
        store.genes(min_gain=0.1)                         # every method and target, as a frame
        store.query("SELECT ... FROM genes")

    Raises BadInputError where there is no store, StorageError where a file is missing or damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self._reader = StoreReader.open(path)
        self._known_q: dict[str, dict[str, float]] = {}

    def __repr__(self) -> str:
        """What it holds, in two lines."""
        return in_words(self._reader)

    def __getitem__(self, name: str) -> GenePage:
        """The verdict on one target; see `gene`."""
        return self.gene(name)

    def _ipython_key_completions_(self) -> list[str]:
        """What Tab offers after `store["`."""
        return self.targets

    @property
    def targets(self) -> list[str]:
        """The targets that any run into the store wants, sorted."""
        return targets_of_store(self._reader)

    @property
    def methods(self) -> list[str]:
        """The methods that any run into the store wants, sorted."""
        return sorted({unit.method for unit in self._reader.wanted_units()})

    @property
    def run(self) -> dict[str, object]:
        """What run.json fixes: dataset, scheme, folds, seed, settings, versions."""
        return dict(self._reader.run)

    def refresh(self) -> None:
        """See what was committed since the first question."""
        self._reader.refresh()
        self._known_q.clear()

    def table(self, name: str) -> pd.DataFrame:
        """Any of the store's tables, sorted by its key."""
        return _frame(view(self._reader, name))

    def scores(self) -> pd.DataFrame:
        """One row per method, target and fold."""
        return self.table("scores")

    def genes(
        self,
        *,
        lineage: str | None = None,
        min_gain: float | None = None,
        max_q: float | None = None,
        target_class: str | None = None,
        method: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """One row per method and target: how well it is predicted over all its folds (table `genes`).

        Random twins of held-out lineages do not count. Only rows that meet every condition given:

        * `lineage`, in any case: targets with an r within it, which takes 15 lines and an effect that varies
          there; columns `lineage_...` say how they are there (table `target_lineages`)
        * `min_gain`: at least this gain over the better of lineage and own expression, over all lines: with
          `lineage`, too, where `lineage_pearson` itself is what is predicted beyond the lineage
        * `max_q`: at most this q; `target_class`: "variable", "near 0" or "near 1"; `method`

        `sort` names a column: the best first; `limit` rows of them.

            store.genes(lineage="Breast", min_gain=0.1, sort="lineage_pearson")
        """
        made = narrowed(
            self._genes(), method=method, min_gain=min_gain, max_q=max_q, target_class=target_class
        )
        if lineage is not None:
            made = self._with_lineage(made, lineage)
        return made if sort is None and limit is None else in_order(made, sort or DEFAULT_SORT, limit)

    def top(
        self,
        *,
        lineage: str | None = None,
        min_gain: float | None = None,
        max_q: float | None = 0.05,
        target_class: str | None = None,
        method: str | None = None,
        sort: str | None = None,
        limit: int | None = 20,
    ) -> pd.DataFrame:
        """The best-predicted targets: one row each, by the method with the highest pooled r (or `method`).

        The conditions are those of `genes`. In order of `gain`; with `lineage`, of `lineage_without_one`: the
        lowest r within the lineage with one of its lines left out, so that no single line makes it.
        """
        genes = narrowed(self._genes(), method=method)
        made = narrowed(best_method(genes), min_gain=min_gain, max_q=max_q, target_class=target_class)
        if lineage is not None:
            made = self._with_lineage(made, lineage)
        default = DEFAULT_SORT if lineage is None else DEFAULT_LINEAGE_SORT
        return in_order(made, sort or default, limit)

    def _genes(self) -> pd.DataFrame:
        return self.table("genes")

    def _with_lineage(self, genes: pd.DataFrame, lineage: str) -> pd.DataFrame:
        name = lineage_named(lineage, set(lineages_of(self._reader).values()))
        return with_lineage(genes, target_lineages_table(self._reader, lineages=(name,)))

    def cell_lines(self) -> pd.DataFrame:
        """One row per cell line: names, lineage, disease, subtype, and the folds that test it."""
        return self.table("cell_lines")

    def ranking(self) -> pd.DataFrame:
        """One row per method and cell line: whether its strongest dependencies are those predicted for it."""
        return self.table("ranking")

    def lineages(self) -> pd.DataFrame:
        """One row per method and held-out lineage, against its random twin; empty unless scheme `lineage`."""
        return self.table("lineages")

    def lineage_targets(self) -> pd.DataFrame:
        """One row per method and target, over all held-out lineages; empty unless scheme `lineage`."""
        return self.table("lineage_targets")

    def shards(self) -> pd.DataFrame:
        """One row per shard: its state, attempts, seconds, host and bytes."""
        return self.table("shards")

    def failures(self) -> pd.DataFrame:
        """The targets that could not be fitted, with the error."""
        return self.table("failures")

    def networks(self) -> pd.DataFrame:
        """One row per method, fold and shared network: epochs, losses, reconstruction; empty without any."""
        return self.table("networks")

    def searches(self) -> pd.DataFrame:
        """One row per architecture that was tried for a shared network."""
        return self.table("searches")

    def fold_choices(self) -> pd.DataFrame:
        """One row per choice that a method makes once for all targets of a fold, and what was tried."""
        return self.table("fold_choices")

    def profile_scores(self) -> pd.DataFrame:
        """One row per model of methods `profiles` and `drugs`, fold, and cell line, gene or drug."""
        return self.table("profile_scores")

    def components(self) -> pd.DataFrame:
        """One row per fold and canonical component of expression and dependency profiles."""
        return self.table("components")

    def analyses(self) -> pd.DataFrame:
        """One row per result that a command (`validate`, ...) added to the store, and its inputs."""
        return self.table("analyses")

    def validation(self) -> pd.DataFrame:
        """One row per result of `validate`, method and target."""
        return self.table("validation")

    def enrichment(self) -> pd.DataFrame:
        """One row per result of `enrich`, list of genes and gene set (or paralogs)."""
        return self.table("enrichment")

    def tissues(self) -> pd.DataFrame:
        """One row per result of `tissues`, target, group of samples and what it is tested against."""
        return self.table("tissues")

    def relations(self) -> pd.DataFrame:
        """How modifiers are related to their targets, as the files say that `enrich` was given."""
        return self.table("relations")

    def modifiers(self, gene: str | None = None) -> pd.DataFrame:
        """The modifiers of every target, or of one."""
        return self._of("modifiers", gene)

    def predictions(self, gene: str | None = None) -> pd.DataFrame:
        """The out-of-fold predictions of every target, or of one; under scheme `lineage` also the twins'."""
        return self._of("predictions", gene)

    def candidates(self, gene: str | None = None) -> pd.DataFrame:
        """Every candidate model that was tried, for all targets or one."""
        return self._of("candidates", gene)

    def query(self, sql: str, time_limit: float = TIME_LIMIT, max_bytes: int = MOST_BYTES) -> pd.DataFrame:
        """The result of one SELECT, `DESCRIBE TABLE` or `SHOW TABLES`; see `cluster.views.query.query`.

        BadInputError after `time_limit` seconds (300), and for a result of more than `max_bytes` (2 GB).
        """
        return _frame(query(self._reader, sql, time_limit, max_bytes))

    def predict(
        self,
        expression: pd.DataFrame,
        method: str | None = None,
        interval: float | None = None,
        reading: Reading | None = None,
    ) -> Prediction:
        """Predictions of every target with a model for new samples; see `predict.predict_samples`.

        Without a method, or with "auto", by the stored method that is best on average, unless another is
        clearly better for the target. With an interval (0.9), `low` and `high` come with them. `samples` says
        how well each sample fits the training lines, and which are flagged. `reading` (`cluster.Reading`)
        says unit, orientation, matching.
        """
        return predict_samples(self._reader, expression, method, interval, reading)

    def predict_long(
        self,
        expression: pd.DataFrame,
        method: str | None = None,
        interval: float = 0.9,
        reading: Reading | None = None,
    ) -> pd.DataFrame:
        """The same with a row for each sample and target; see `long_table.long_table`."""
        return long_table(predict_samples(self._reader, expression, method, interval, reading))

    def rank_drugs(self, expression: pd.DataFrame, higher_is_sensitive: bool = False) -> pd.DataFrame:
        """Drugs ranked for new samples; see `cluster.results.rank_drugs.rank_samples`."""
        return rank_samples(self._reader, expression, higher_is_sensitive)

    def gene(
        self,
        name: str | int,
        method: str | None = None,
        relations: GeneRelations | None = None,
        gene_map: Path | None = None,
    ) -> GenePage:
        """A verdict on one target, by one method or that with the highest pooled r, and all it rests on.

        `name` is a symbol in any case, an Entrez or Ensembl id, `SYMBOL (id)` or an alias. BadInputError
        names close ones where there is no such target. `relations` (`cluster.answers.relating`) say how genes
        are related, on top of what `enrich` stored. `gene_map` is a table of further names of genes, HGNC's
        for instance: Ensembl ids need it.
        """
        return gene_page(self._reader, str(name), method, relations, self._q, gene_map)

    def _q(self, method: str) -> dict[str, float]:
        """A method's q of every target, computed once."""
        if method not in self._known_q:
            self._known_q[method] = q_values(self._reader, method)
        return self._known_q[method]

    def status(self) -> Status:
        """How far the run is, as of now."""
        return status_of(self._reader)

    def _of(self, table: str, gene: str | None) -> pd.DataFrame:
        if gene is None:
            return self.table(table)
        only = (find_target(self._reader, gene),)
        if table == "predictions":
            return _frame(predictions_table(self._reader, only))
        return _frame(self._reader.table(table, targets=only))


def _frame(table: pa.Table) -> pd.DataFrame:
    return table.to_pandas()
