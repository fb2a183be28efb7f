"""New samples x targets from a store's final models, with each target's trust beside the numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD
from cluster.views.genes import genes_table
from cluster.views.models import RESIDUALS, residuals_table
from tasks.errors import BadInputError
from tasks.methods import DEFAULT_METHODS
from tasks.methods.registry import method_named, method_names
from tasks.scoring.all_genes import FEWEST_KNOWN
from tasks.scoring.predict import Scored, score_samples
from tasks.scoring.samples import checked_samples, in_other_words, none_known
from tasks.tables.schemas import KEYS, SCHEMAS

SHOWN = 20  # names in a sentence; files hold them all
TRUST = ["class", "pearson", "pearson_pooled", "pearson_low", "pearson_high", "q_value", "gain"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predictions for new samples by one method's models.

    `predicted`: samples x targets that have a model, in the units of the store's measure; NaN where the
    sample does not know what the model needs: every modifier, or 90% of the genes of a model on all genes.
    `trust`: one row per target whose final fit is stored: how it ended (`status`, `reason`), model (no `kind`
    and no predictions where it ended without one), number of modifiers, `missing_genes` (how many genes its
    model needs that no column holds) and, of modifiers, which; the out-of-fold scores, and residual_50 ...
    residual_95 (a prediction ± residual_L holds the truth for L% of new lines, if they are exchangeable with
    the training lines).
    `missing`: one row per gene that the models need and some sample does not know: in how many samples.
    `known`: for each sample, the share of the models' genes that it knows, in 0..1 (1 if they need none).
    """

    method: str
    predicted: pd.DataFrame
    trust: pd.DataFrame
    missing: pd.DataFrame
    known: pd.Series


def predict_samples(reader: StoreReader, expression: pd.DataFrame, method: str | None = None) -> Prediction:
    """Score samples (rows; columns are genes, log2(TPM+1), missing values NaN) with the final models.

    Without a method: `modifiers` if it is stored, else the only one stored. Raises BadInputError where the
    store holds no final models of the method, it cannot be told which is meant, the samples are none that
    `tasks.scoring.samples.checked_samples` takes, or they know too little for a single prediction.
    """
    samples = checked_samples(expression)
    chosen = _method(reader, method)
    parts = [part for _, part in reader.parts("models", method=chosen)]
    models = sort_rows(pa.concat_tables([SCHEMAS["models"].empty_table(), *parts]), KEYS["models"])
    scored = score_samples(models, list(samples.columns), samples.to_numpy(), method_named(chosen), reader)
    _check_scored(reader, models, chosen, scored, samples)
    share = scored.known / len(scored.needed) if scored.needed else np.ones(len(samples))
    return Prediction(
        chosen,
        pd.DataFrame(scored.predicted, index=samples.index, columns=list(scored.targets)),
        _trust(reader, models, chosen, scored.missing),
        _missing(scored),
        pd.Series(share, index=samples.index),
    )


def unfitted_targets(reader: StoreReader, made: Prediction) -> list[str]:
    """The targets that the store's runs want of the method, but no final fit of which is stored."""
    wanted = {
        unit.target for unit in reader.wanted_units() if unit.method == made.method and not unit.is_fold_level
    }
    return sorted(wanted - set(made.trust["target"]))


def _method(reader: StoreReader, asked: str | None) -> str:
    final = [unit for unit in reader.committed_units() if unit.fold == FINAL_FOLD]
    stored = sorted({unit.method for unit in final if not unit.is_fold_level})
    known = f"stored are those of {', '.join(stored)}" if stored else "none are stored"
    others = sorted({unit.method for unit in final if unit.is_fold_level} - set(stored))
    reasons = {name: method_named(name).cannot_predict for name in others}
    known += "".join(f"; method {name}: {reason}" for name, reason in reasons.items() if reason)
    default = next((name for name in DEFAULT_METHODS if name in stored or not stored), None)
    if asked is None and len(stored) > 1 and default is None:
        raise BadInputError(f"{reader.fs.name}: --method: whose final models? {known}")
    if asked in method_names() and (reason := method_named(asked).cannot_predict):
        raise BadInputError(f"--method {asked}: {reason}")
    method = asked or default or stored[0]
    if method not in stored:
        raise BadInputError(
            f"{reader.fs.name}: no final models of {f'method {asked}' if asked else 'targets'} ({known}); "
            f"`knockcast run` with --method {method}, and not --no-final, stores them"
        )
    return method


def _check_scored(
    reader: StoreReader, models: pa.Table, method: str, scored: Scored, samples: pd.DataFrame
) -> None:
    """Raises BadInputError, with why, unless something is predicted for some sample."""
    if scored.needed and (scored.unknown == len(samples)).all():
        raise BadInputError(none_known(samples, scored.needed))
    if not scored.targets:
        reasons = sorted({str(reason) for reason in models.column("reason").to_pylist() if reason})
        raise BadInputError(
            f"{reader.fs.name}: no final model of method {method} predicts anything: "
            + ("; ".join(reasons[:SHOWN]) or "it has none")
        )
    if np.isnan(scored.predicted).all():
        lacking = _missing(scored).sort_values("samples_without", ascending=False, kind="stable")
        enough = (
            "all modifiers of a target"
            if method_named(method).predicts_from == "modifiers"
            else f"{FEWEST_KNOWN}% of the genes"
        )
        raise BadInputError(
            f"no sample knows enough for a single prediction, which takes {enough}: of {len(scored.needed)} "
            f"genes the models need, the best sample knows {scored.known.max()}; "
            f"most lacking are {listed(lacking['gene'])}" + in_other_words(samples, scored.needed)
        )


def _trust(
    reader: StoreReader, models: pa.Table, method: str, missing: dict[str, tuple[str, ...]]
) -> pd.DataFrame:
    rows = models.select(["target", "kind", "modifiers", "status", "reason"]).to_pandas()
    rows["n_modifiers"] = [0 if named is None else len(named) for named in rows.pop("modifiers")]
    lacking = [missing.get(target, ()) for target in rows["target"]]
    rows["missing_genes"] = [len(genes) for genes in lacking]
    rows["missing_modifiers"] = [
        ",".join(genes) if count else "" for genes, count in zip(lacking, rows["n_modifiers"], strict=True)
    ]
    genes, residuals = genes_table(reader).to_pandas(), residuals_table(reader).to_pandas()
    for known, columns in ((genes, TRUST), (residuals, list(RESIDUALS))):
        mine = known[known["method"] == method][["target", *columns]]
        rows = rows.merge(mine, on="target", how="left", validate="one_to_one")
    return rows


def _missing(scored: Scored) -> pd.DataFrame:
    lacking = np.flatnonzero(scored.unknown)
    genes = np.array(scored.needed, dtype=object)[lacking]
    return pd.DataFrame({"gene": genes, "samples_without": scored.unknown[lacking]})


def listed(names: pd.Series | Sequence[str]) -> str:
    """The first names, for a sentence."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
