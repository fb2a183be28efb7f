"""Predictions filled in method after method: each target's best first, others for what it leaves open."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from cluster.store.reader import StoreReader
from tasks.methods.registry import method_named
from tasks.scoring.predict import Scored, count_known, score_samples
from tasks.tables.schemas import SCHEMAS


@dataclass(frozen=True, eq=False)
class Made:
    """Predictions while they are made, method after method.

    `samples` are what is scored, `given` the same before missing values were filled in. `needed_by` are the
    genes that each method's models need; `lacking`, by target, those of its first choice that no column
    holds.
    """

    methods: tuple[str, ...]
    samples: pd.DataFrame
    given: pd.DataFrame
    targets: list[str]
    predicted: np.ndarray
    made_by: np.ndarray
    needed_by: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lacking: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, ranked: pd.DataFrame, methods: tuple[str, ...], samples: pd.DataFrame, given: pd.DataFrame
    ) -> "Made":
        """Nothing yet, for every target with a model that predicts."""
        targets = ranked.loc[ranked["predicts"] & (ranked["rank"] == 1), "target"].tolist()
        shape = (len(samples), len(targets))
        return cls(methods, samples, given, targets, np.full(shape, np.nan), np.full(shape, -1, np.int8))

    def frame(self, values: np.ndarray) -> pd.DataFrame:
        """A matrix of samples x targets with its names."""
        return pd.DataFrame(values, index=self.samples.index, columns=self.targets)

    @property
    def needed(self) -> tuple[str, ...]:
        """The genes of all models that were used or tried."""
        return tuple(dict.fromkeys(gene for genes in self.needed_by.values() for gene in genes))

    def share_known(self, needed: Sequence[str], filled: bool = True) -> pd.Series:
        """For each sample, the share of these genes that it knows, those filled in counted or not."""
        samples = self.samples if filled else self.given
        known = count_known(needed, list(samples.columns), samples.to_numpy())[1]
        share = known / len(needed) if needed else np.ones(len(samples))
        return pd.Series(share, index=samples.index)

    def missing(self) -> pd.DataFrame:
        """The genes that some sample was given without."""
        needed = self.needed
        unknown = count_known(needed, list(self.given.columns), self.given.to_numpy())[0]
        lacking = np.flatnonzero(unknown)
        genes = np.array(needed, dtype=object)[lacking]
        return pd.DataFrame({"gene": genes, "samples_without": unknown[lacking]})

    def samples_by_method(self) -> pd.DataFrame:
        """targets x methods: how many samples each predicts."""
        counts = [(self.made_by == i).sum(axis=0) for i in range(len(self.methods))]
        return pd.DataFrame(dict(zip(self.methods, counts, strict=True)), index=self.targets)

    def add(self, scored: Scored, method: str, first: bool) -> None:
        """Take the predictions of one method for what is not predicted yet."""
        place = pd.Index(self.targets).get_indexer(pd.Index(scored.targets))
        for sample, values in enumerate(scored.predicted):  # rows lie together in memory, columns do not
            new = np.isnan(self.predicted[sample, place]) & ~np.isnan(values)
            self.predicted[sample, place[new]] = values[new]
            self.made_by[sample, place[new]] = self.methods.index(method)
        together = dict.fromkeys((*self.needed_by.get(method, ()), *scored.needed))
        self.needed_by[method] = tuple(together)
        if first:
            self.lacking.update(scored.missing)


def fill(reader: StoreReader, made: Made, rows: pd.DataFrame, method: str) -> None:
    """Predict with a method's models of some targets what no better method has predicted."""
    first = bool((rows["rank"] == 1).all())
    wanted = set(rows.loc[rows["predicts"], "target"])
    if not first:
        open_targets = np.isnan(made.predicted).any(axis=0)
        wanted &= {target for target, is_open in zip(made.targets, open_targets, strict=True) if is_open}
    if wanted:
        models = _models(reader, method, wanted)
        samples = made.samples
        scored = score_samples(
            models, list(samples.columns), samples.to_numpy(), method_named(method), reader
        )
        made.add(scored, method, first)


def _models(reader: StoreReader, method: str, targets: Collection[str]) -> pa.Table:
    parts = reader.pieces("models", targets=targets, method=method)
    return pa.concat_tables([SCHEMAS["models"].empty_table(), *parts])
