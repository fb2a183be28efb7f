"""New samples x targets from a store's final models, with each target's trust beside the numbers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from cluster.results.trust import ranked_models, trust_table
from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD
from tasks.errors import BadInputError
from tasks.methods.registry import method_named, method_names
from tasks.scoring.all_genes import FEWEST_KNOWN
from tasks.scoring.predict import Scored, count_known, score_samples
from tasks.scoring.samples import checked_samples, in_other_words, none_known
from tasks.tables.schemas import KEYS, SCHEMAS

AUTO = "auto"  # of each target the stored method that predicts it best
SHOWN = 20  # names in a sentence; files hold them all


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predictions for new samples by one method's models, or of each target by the method that suits it.

    `method` is that method, or "auto" where several were there to take from; then `methods` are those.
    `predicted`: samples x targets that have a model, in the units of the store's measure; NaN where the
    sample does not know what any of the models needs: every modifier, or 90% of the genes of a model on all
    genes.
    `made_by`: for each prediction the place in `methods` of the method that made it, -1 for NaN.
    `trust`: one row per target whose final fit is stored: how it ended (`status`, `reason`), method, model
    (no `kind` and no predictions where it ended without one), number of modifiers, `missing_genes` (how many
    genes that the first choice among its models needs no column holds) and, of modifiers, which; the
    out-of-fold scores, and residual_50 ... residual_95 (a prediction ± residual_L holds the truth for L% of
    new lines, if they are exchangeable with the training lines). Of "auto" also what `trust.trust_table`
    says of the other methods, and `samples_by_other`: how many samples another method predicts.
    `missing`: one row per gene that the models need and some sample does not know: in how many samples.
    `known`: for each sample, the share of the models' genes that it knows, in 0..1 (1 if they need none);
    `known_of` the same of each method's models.
    """

    method: str
    predicted: pd.DataFrame
    trust: pd.DataFrame
    missing: pd.DataFrame
    known: pd.Series
    methods: tuple[str, ...]
    made_by: np.ndarray
    known_of: dict[str, pd.Series]


def predict_samples(reader: StoreReader, expression: pd.DataFrame, method: str | None = None) -> Prediction:
    """Score samples (rows; columns are genes, log2(TPM+1), missing values NaN) with the final models.

    Without a method, or with "auto": of each target the stored method with the best out-of-fold score
    (`trust.ranked_models`), and for samples that lack genes of that model, the next that can. Raises
    BadInputError where the store holds no final models of the method, the samples are none that
    `tasks.scoring.samples.checked_samples` takes, or they know too little for a single prediction.
    """
    samples = checked_samples(expression)
    methods = _methods(reader, method)
    ranked = ranked_models(reader, methods)
    made = _Made.of(ranked, methods, samples)
    for rank in range(1, int(ranked["rank"].max()) + 1):
        for name in methods:
            _fill(reader, made, ranked[(ranked["rank"] == rank) & (ranked["method"] == name)], name)
    _check_made(reader, made, ranked)
    return Prediction(
        methods[0] if len(methods) == 1 else AUTO,
        pd.DataFrame(made.predicted, index=samples.index, columns=made.targets),
        _trust(made, ranked),
        made.missing(),
        made.share_known(made.needed),
        methods,
        made.made_by,
        {name: made.share_known(needed) for name, needed in made.needed_by.items()},
    )


def unfitted_targets(reader: StoreReader, made: Prediction) -> list[str]:
    """The targets that the store's runs want of the methods, but no final fit of which is stored."""
    wanted = {
        unit.target
        for unit in reader.wanted_units()
        if unit.method in made.methods and not unit.is_fold_level
    }
    return sorted(wanted - set(made.trust["target"]))


def _methods(reader: StoreReader, asked: str | None) -> tuple[str, ...]:
    """The methods whose models may predict, in the order in which equal scores are settled."""
    final = [unit for unit in reader.committed_units() if unit.fold == FINAL_FOLD]
    stored = {unit.method for unit in final if not unit.is_fold_level}
    known = f"stored are those of {', '.join(sorted(stored))}" if stored else "none are stored"
    others = sorted({unit.method for unit in final if unit.is_fold_level} - stored)
    reasons = {name: method_named(name).cannot_predict for name in others}
    known += "".join(f"; method {name}: {reason}" for name, reason in reasons.items() if reason)
    if asked in method_names() and (reason := method_named(asked).cannot_predict):
        raise BadInputError(f"--method {asked}: {reason}")
    if asked in (None, AUTO):
        installed = tuple(name for name in method_names() if name in stored)
        if stored and not installed:
            method_named(min(stored))  # which says that its plug-in is not there
        chosen = installed
    else:
        chosen = (asked,) if asked in stored else ()
    if not chosen:
        what, which = ("targets", "modifiers") if asked in (None, AUTO) else (f"method {asked}", asked)
        raise BadInputError(
            f"{reader.fs.name}: no final models of {what} ({known}); "
            f"`knockcast run` with --method {which}, and not --no-final, stores them"
        )
    return chosen


@dataclass(frozen=True, eq=False)
class _Made:
    """Predictions while they are made, method after method.

    `needed_by` are the genes that each method's models need; `lacking`, by target, those of its first choice
    that no column holds.
    """

    methods: tuple[str, ...]
    samples: pd.DataFrame
    targets: list[str]
    predicted: np.ndarray
    made_by: np.ndarray
    needed_by: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lacking: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, ranked: pd.DataFrame, methods: tuple[str, ...], samples: pd.DataFrame) -> "_Made":
        targets = ranked.loc[ranked["kind"].notna() & (ranked["rank"] == 1), "target"].tolist()
        shape = (len(samples), len(targets))
        return cls(methods, samples, targets, np.full(shape, np.nan), np.full(shape, -1, np.int8))

    @property
    def needed(self) -> tuple[str, ...]:
        """The genes of all models that were used or tried."""
        return tuple(dict.fromkeys(gene for genes in self.needed_by.values() for gene in genes))

    def share_known(self, needed: Sequence[str]) -> pd.Series:
        """For each sample, the share of these genes that it knows."""
        known = count_known(needed, list(self.samples.columns), self.samples.to_numpy())[1]
        share = known / len(needed) if needed else np.ones(len(self.samples))
        return pd.Series(share, index=self.samples.index)

    def missing(self) -> pd.DataFrame:
        """The genes that some sample does not know."""
        needed = self.needed
        unknown = count_known(needed, list(self.samples.columns), self.samples.to_numpy())[0]
        lacking = np.flatnonzero(unknown)
        genes = np.array(needed, dtype=object)[lacking]
        return pd.DataFrame({"gene": genes, "samples_without": unknown[lacking]})

    def add(self, scored: Scored, method: str, first: bool) -> None:
        """Take the predictions of one method for what is not predicted yet."""
        place = pd.Index(self.targets).get_indexer(pd.Index(scored.targets))
        for column, values in zip(place, scored.predicted.T, strict=True):
            new = np.isnan(self.predicted[:, column]) & ~np.isnan(values)
            self.predicted[new, column] = values[new]
            self.made_by[new, column] = self.methods.index(method)
        together = dict.fromkeys((*self.needed_by.get(method, ()), *scored.needed))
        self.needed_by[method] = tuple(together)
        if first:
            self.lacking.update(scored.missing)


def _fill(reader: StoreReader, made: _Made, rows: pd.DataFrame, method: str) -> None:
    """Predict with a method's models of some targets what no better method has predicted."""
    first = bool((rows["rank"] == 1).all())
    wanted = set(rows.loc[rows["kind"].notna(), "target"])
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
    parts = [part for _, part in reader.parts("models", targets=targets, method=method)]
    return sort_rows(pa.concat_tables([SCHEMAS["models"].empty_table(), *parts]), KEYS["models"])


def _check_made(reader: StoreReader, made: _Made, ranked: pd.DataFrame) -> None:
    """Raises BadInputError, with why, unless something is predicted for some sample."""
    samples, needed = made.samples, made.needed
    unknown, known = count_known(needed, list(samples.columns), samples.to_numpy())
    if needed and (unknown == len(samples)).all():
        raise BadInputError(none_known(samples, needed))
    if not made.targets:
        reasons = sorted({str(reason) for reason in ranked["reason"] if reason})
        raise BadInputError(
            f"{reader.fs.name}: no final model of {_named(made.methods)} predicts anything: "
            + ("; ".join(reasons[:SHOWN]) or "it has none")
        )
    if np.isnan(made.predicted).all():
        lacking = made.missing().sort_values("samples_without", ascending=False, kind="stable")
        ways = {method_named(name).predicts_from for name in made.methods}
        enough = " or ".join(
            words
            for way, words in (
                ("modifiers", "all modifiers of a target"),
                ("all genes", f"{FEWEST_KNOWN}% of the genes"),
            )
            if way in ways
        )
        raise BadInputError(
            f"no sample knows enough for a single prediction, which takes {enough}: of {len(needed)} "
            f"genes the models need, the best sample knows {known.max()}; "
            f"most lacking are {listed(lacking['gene'])}" + in_other_words(samples, needed)
        )


def _named(methods: Sequence[str]) -> str:
    return ("method " if len(methods) == 1 else "methods ") + ", ".join(methods)


def _trust(made: _Made, ranked: pd.DataFrame) -> pd.DataFrame:
    """Each target's row of the method taken: the best by score that predicts any of the samples."""
    rank_of = ranked.set_index(["target", "method"])["rank"]
    taken = pd.Series(1, index=pd.unique(ranked["target"]))
    by_other = np.zeros(len(taken), dtype=np.int64)
    several = len(made.methods) > 1
    for column, target in enumerate(made.targets if several else ()):
        by, counts = np.unique(made.made_by[:, column], return_counts=True)
        ranks = [int(rank_of[target, made.methods[i]]) for i in by[by >= 0]]
        if ranks:
            taken[target] = min(ranks)
            by_other[taken.index.get_loc(target)] = counts[by >= 0].sum() - counts[by >= 0][np.argmin(ranks)]
    rows = trust_table(ranked, taken, several)
    if several:
        rows["samples_by_other"] = by_other
    lacking = [made.lacking.get(target, ()) for target in rows["target"]]
    rows.insert(6, "missing_genes", [len(genes) for genes in lacking])
    named = ranked[ranked["rank"] == 1].set_index("target")["n_modifiers"].reindex(rows["target"])
    texts = [",".join(genes) if count else "" for genes, count in zip(lacking, named, strict=True)]
    rows.insert(7, "missing_modifiers", texts)
    return rows


def listed(names: pd.Series | Sequence[str]) -> str:
    """The first names, for a sentence."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
