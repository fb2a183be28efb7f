"""New samples x targets from a store's final models, with each target's trust beside the numbers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cluster.results.calibration import Calibration, intervals
from cluster.results.filling import Made, fill
from cluster.results.reference import Known, known_of
from cluster.results.trust import of_expression_alone, ranked_models, trust_table, why_none
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD
from tasks.errors import BadInputError
from tasks.methods.registry import method_named, method_names
from tasks.samples.fit import fit_table, learned_from, with_known_share
from tasks.samples.prepare import Reading, Samples, prepare
from tasks.samples.table import Table, table_of_frame
from tasks.scoring.all_genes import FEWEST_KNOWN
from tasks.scoring.predict import count_known
from tasks.scoring.samples import checked_samples, gene_columns, in_other_words, none_known

AUTO = "auto"  # of each target the stored method that predicts it best
SHOWN = 20  # names in a sentence; files hold them all
OnStep = Callable[[str, float], None]


def no_step(begins: str, done: float) -> None:
    """Says nothing."""


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
    `low`, `high`: shaped as `predicted`, where an interval was asked for: it holds the truth of a share
    `level` of new lines at least, if they are like those of the dataset (`statistics.conformal`); NaN where
    there is no prediction, or too few were made out of fold. `calibrations` are what they come from, by
    method.
    `low_is_strong`: whether a lower value is a stronger dependency, as of a gene effect.
    `samples`: one row per sample, how well it fits the training lines (`tasks.samples.fit.fit_table`); None
    where that was not asked for. `notes` say what was found out of the samples, and done to them;
    `model_notes` what to know of the models.
    """

    method: str
    predicted: pd.DataFrame
    trust: pd.DataFrame
    missing: pd.DataFrame
    known: pd.Series
    methods: tuple[str, ...]
    made_by: np.ndarray
    known_of: dict[str, pd.Series]
    low_is_strong: bool = True
    level: float | None = None
    low: pd.DataFrame | None = None
    high: pd.DataFrame | None = None
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    samples: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: tuple[str, ...] = ()
    model_notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Its size and where its parts are: the numbers may be millions."""
        rows, columns = self.predicted.shape
        parts = ", ".join(
            ("predicted", "trust", "samples", "missing", *(["low", "high"] if self.level else []))
        )
        return (
            f"Prediction of {rows} samples x {columns} targets by {', '.join(self.methods)} ({self.method})\n"
            f"  tables: {parts}"
        )


def predict_samples(
    reader: StoreReader,
    expression: pd.DataFrame,
    method: str | None = None,
    interval: float | None = None,
    reading: Reading | None = None,
) -> Prediction:
    """Score samples (rows; columns are genes, log2(TPM+1), missing values NaN) with the final models.

    Without a method, or with "auto": the stored method that is best on average, and of a target that another
    predicts clearly better out of fold, that one (`trust.ranked_models`); for samples that lack genes of that
    model, the next that can. `interval` (0.9) adds intervals that hold the truth that often. `reading` says
    how the samples are to be taken
    (`tasks.samples.prepare`), as it is found out without. Raises BadInputError where the store holds no final
    models of the method, the samples are none that `tasks.scoring.samples.checked_samples` or `prepare`
    takes, they know too little for a single prediction, or the interval is not between 0 and 1.
    """
    check_interval(interval)
    return predict_table(reader, table_of_frame(checked_samples(expression)), method, interval, reading)


def predict_table(
    reader: StoreReader,
    table: Table,
    method: str | None = None,
    interval: float | None = None,
    reading: Reading | None = None,
    known: Known | None = None,
    on_step: OnStep = no_step,
) -> Prediction:
    """The same for a table as `tasks.samples.table.read_table` gives it; `known` where it is at hand.

    `on_step` is called with what begins, and the share that is done.
    """
    methods = methods_asked(reader, method)
    known = known_of(reader) if known is None else known
    on_step("what the samples are", 0.1)
    samples = prepare(table, known.index, known.reference, reading or Reading())
    with ThreadPoolExecutor(1) as pool:  # large products, during which the models are read
        fit = pool.submit(fit_table, samples.values, samples.reference, samples.doubt)
        made, ranked, calibrations = _made(reader, samples, methods, interval, on_step)
        on_step("fit of the samples", 0.7)
        compared = fit.result()
    share = made.share_known(made.needed, filled=False)
    low, high = (None, None) if interval is None else intervals(made, calibrations, interval)
    return Prediction(
        method=methods[0] if len(methods) == 1 else AUTO,
        predicted=made.frame(made.predicted),
        trust=_trust(made, ranked),
        missing=made.missing(),
        known=share,
        methods=methods,
        made_by=made.made_by,
        known_of={name: made.share_known(needed) for name, needed in made.needed_by.items()},
        low_is_strong=reader.run.get("measure", "effect") == "effect",
        level=interval,
        low=low,
        high=high,
        calibrations=calibrations,
        samples=with_known_share(compared, share.to_numpy()),
        notes=(*samples.notes, *([known.why_not] if known.why_not else []), *learned_from(compared)),
        model_notes=of_expression_alone(reader, methods),
    )


def _made(
    reader: StoreReader,
    samples: Samples,
    methods: tuple[str, ...],
    interval: float | None,
    on_step: OnStep,
) -> tuple[Made, pd.DataFrame, dict[str, Calibration]]:
    """All predictions, the models that made them as `ranked_models` has them, and their calibrations."""
    on_step("trust of the models", 0.2)
    ranked, calibrations = ranked_models(reader, methods, calibrated=interval is not None)
    made = Made.of(ranked, methods, samples.filled, samples.values)
    ranks = range(1, int(ranked["rank"].max()) + 1)
    for rank in ranks:
        for place, name in enumerate(methods):
            done = (rank - 1 + place / len(methods)) / len(ranks)
            on_step(f"predictions by {name}", 0.3 + 0.4 * done)
            fill(reader, made, ranked[(ranked["rank"] == rank) & (ranked["method"] == name)], name)
    _check_made(reader, made, ranked)
    return made, ranked, calibrations


def check_interval(interval: float | None) -> None:
    """Raise BadInputError unless it is None or a share of lines."""
    if interval is not None and not 0 < interval < 1:
        hint = f": did you mean {interval / 100:g}?" if 50 <= interval < 100 else ""
        raise BadInputError(f"--interval {interval:g}: expected a share between 0 and 1, such as 0.9{hint}")


def unfitted_targets(reader: StoreReader, made: Prediction) -> list[str]:
    """The targets that the store's runs want of the methods, but no final fit of which is stored."""
    wanted = {
        unit.target
        for unit in reader.wanted_units()
        if unit.method in made.methods and not unit.is_fold_level
    }
    return sorted(wanted - set(made.trust["target"]))


def methods_asked(reader: StoreReader, asked: str | None) -> tuple[str, ...]:
    """The methods whose models may predict, in the order in which equal scores are settled.

    BadInputError where the store has no final models of the method asked for, or of any.
    """
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


def _check_made(reader: StoreReader, made: Made, ranked: pd.DataFrame) -> None:
    """Raises BadInputError, with why, unless something is predicted for some sample."""
    samples, needed = made.samples, made.needed
    unknown, known = count_known(needed, list(samples.columns), samples.to_numpy())
    if needed and (unknown == len(samples)).all():
        raise BadInputError(none_known(samples, needed))
    if not made.targets:
        raise BadInputError(
            f"{reader.fs.name}: no final model of {_named(made.methods)} predicts anything: "
            + ("; ".join(why_none(ranked)[:SHOWN]) or "it has none")
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
            f"most lacking are {listed(lacking['gene'])}"
            + in_other_words(samples, needed)
            + "; --fill-missing takes training means for them, which says little where most are lacking"
        )


def _named(methods: Sequence[str]) -> str:
    return ("method " if len(methods) == 1 else "methods ") + ", ".join(methods)


def _trust(made: Made, ranked: pd.DataFrame) -> pd.DataFrame:
    """Each target's row of the method taken: the best by score that predicts any of the samples."""
    several = len(made.methods) > 1
    counts = made.samples_by_method()
    rank = ranked.pivot_table(index="target", columns="method", values="rank")
    rank = rank.reindex(index=counts.index, columns=counts.columns).where(counts > 0)
    taken = pd.Series(1, index=pd.unique(ranked["target"]))
    taken.update(rank.min(axis=1).dropna().astype(np.int64))
    rows = trust_table(ranked, taken, several)
    if several:
        by_it = counts.where(rank.eq(rank.min(axis=1), axis=0), 0).sum(axis=1)
        by_other = (counts.sum(axis=1) - by_it).reindex(rows["target"], fill_value=0)
        rows["samples_by_other"] = by_other.to_numpy()
    lacking = [made.lacking.get(target, ()) for target in rows["target"]]
    mine = rows.pop("modifiers")
    rows.insert(6, "missing_genes", [len(genes) for genes in lacking])
    named = ranked[ranked["rank"] == 1].set_index("target")["modifiers"].reindex(rows["target"])
    texts = [",".join(g for g in genes if g in own) for genes, own in zip(lacking, named, strict=True)]
    rows.insert(7, "missing_modifiers", texts)
    rows.insert(8, "samples_without_modifiers", _samples_without(made, mine))
    return rows


def _samples_without(made: Made, modifiers: Iterable[Sequence[str]]) -> list[int]:
    """For each model's named genes, how many samples were given without a value of one or more of them."""
    place, unknown = gene_columns(list(made.given.columns)), ~np.isfinite(made.given.to_numpy())
    all_of_them = np.ones(len(unknown), dtype=bool)
    lost = {}
    for gene in dict.fromkeys(gene for genes in modifiers for gene in genes):
        without = unknown[:, place[gene]] if gene in place else all_of_them
        if without.any():
            lost[gene] = without
    each = ([lost[gene] for gene in genes if gene in lost] for genes in modifiers)
    return [int(np.any(some, axis=0).sum()) if some else 0 for some in each]


def listed(names: pd.Series | Sequence[str]) -> str:
    """The first names, for a sentence."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
