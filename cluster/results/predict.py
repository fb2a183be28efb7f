"""`knockcast predict`: new samples x targets from a store's final models, each target's trust beside it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from cluster.formats import to_bytes
from cluster.results.prediction import SHOWN, Prediction, listed, what_is_missing
from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD
from cluster.views.genes import genes_table
from cluster.views.models import RESIDUALS, residuals_table
from tasks.dataset.checks import doubt_about, range_in_words
from tasks.drugs.drugs import METHOD as DRUGS
from tasks.errors import BadInputError
from tasks.importing.importer import read_matrix
from tasks.importing.matrices import GENES
from tasks.scoring.kernels import FEWEST_KNOWN
from tasks.scoring.predict import Scored, score_samples
from tasks.scoring.samples import checked_samples, in_other_words, none_known
from tasks.tables.schemas import KEYS, SCHEMAS

SUFFIXES = {".csv": "csv", ".parquet": "parquet"}
RANKING = "`knockcast predict --method drugs`, in Python `Store.rank_drugs`"
TRUST = ["class", "pearson", "pearson_pooled", "pearson_low", "pearson_high", "q_value", "gain"]


def predict_samples(reader: StoreReader, expression: pd.DataFrame, method: str | None = None) -> Prediction:
    """Score samples (rows; columns are genes, log2(TPM+1), missing values NaN) with the final models.

    Without a method: `modifiers` if it is stored, else the only one stored. Raises BadInputError where the
    store holds no final models of the method, it cannot be told which is meant, the samples are none that
    `tasks.scoring.samples.checked_samples` takes, or they know too little for a single forecast.
    """
    samples = checked_samples(expression)
    chosen = _method(reader, method)
    parts = [part for _, part in reader.parts("models", method=chosen)]
    models = sort_rows(pa.concat_tables([SCHEMAS["models"].empty_table(), *parts]), KEYS["models"])
    scored = score_samples(models, list(samples.columns), samples.to_numpy(), reader.training, reader.weights)
    _check_scored(reader, models, chosen, scored, samples)
    share = scored.known / len(scored.needed) if scored.needed else np.ones(len(samples))
    return Prediction(
        chosen,
        pd.DataFrame(scored.predicted, index=samples.index, columns=list(scored.targets)),
        _trust(reader, models, chosen, scored.missing),
        _missing(scored),
        pd.Series(share, index=samples.index),
    )


def predict_file(store: str, expression: Path, out: Path, method: str | None = None) -> str:
    """Score a file of samples; write `out` and, beside it, the targets' trust and the missing genes.

    Returns what was done. Raises BadInputError for input that cannot be used, before anything is written.
    """
    targets, missing = (out.with_name(f"{out.stem}.{what}{out.suffix}") for what in ("targets", "missing"))
    frame = samples_of(expression, out, (out, targets, missing))
    reader = StoreReader.open(store)
    made = predict_samples(reader, frame, method)
    write(out, made.predicted.reset_index())
    write(targets, made.trust)
    write(missing, made.missing)  # if empty, too: an older one would tell of other samples
    return "\n".join(
        [
            f"{out}: {made.predicted.shape[0]} samples x {made.predicted.shape[1]} targets ({made.method})",
            f"{targets}: each target's model, out-of-fold scores and residual quantiles",
            f"{missing}: {len(made.missing)} genes that the models need and some sample lacks",
            *what_is_missing(made, unfitted_targets(reader, made), targets.name),
            *doubts_about(expression, frame),
        ]
    )


def doubts_about(path: Path, samples: pd.DataFrame) -> list[str]:
    """What the samples' values give reason to doubt: a line, or none."""
    values = samples.to_numpy()
    if not doubt_about(values):
        return []
    return [f"LOOK AGAIN at {path}: {range_in_words(values)}; the forecasts take it for log2(TPM+1)"]


def samples_of(expression: Path, out: Path, outs: tuple[Path, ...]) -> pd.DataFrame:
    """A file of samples, samples x genes, once it is sure that what comes of it can be written.

    Raises BadInputError for samples that cannot be read, and for `outs` (`out` is the one named) that cannot
    be written or are the samples themselves.
    """
    _check_places(expression, out, outs)
    matrix = read_matrix(expression, GENES)
    return pd.DataFrame(matrix.values.T, index=pd.Index(matrix.ids, name="sample"), columns=matrix.columns)


def _check_places(expression: Path, out: Path, outs: tuple[Path, ...]) -> None:
    if out.suffix not in SUFFIXES:
        raise BadInputError(f"--out {out}: expected a name that ends with {' or '.join(SUFFIXES)}")
    if not out.parent.is_dir():
        raise BadInputError(f"--out {out}: there is no folder {out.parent}; make it first")
    problems = [f"--out {out}: {path} is a folder" for path in outs if path.is_dir()]
    problems += [
        f"--out {out}: {path} would be written over the samples; choose another name"
        for path in outs
        if path.resolve() == expression.resolve()
    ]
    if problems:
        raise BadInputError(problems)


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
    if any(unit.method == DRUGS for unit in final):
        known += f"; there is one that ranks drugs: {RANKING}"
    if asked is None and len(stored) > 1 and "modifiers" not in stored:
        raise BadInputError(f"{reader.fs.name}: --method: whose final models? {known}")
    if asked == "profiles":
        raise BadInputError("--method profiles: it forecasts genes for known cell lines, no new samples")
    if asked == DRUGS:
        raise BadInputError(f"method drugs ranks drugs, and forecasts no targets: {RANKING}")
    method = asked or ("modifiers" if "modifiers" in stored or not stored else stored[0])
    if method not in stored:
        raise BadInputError(
            f"{reader.fs.name}: no final models of {f'method {asked}' if asked else 'targets'} ({known}); "
            f"`knockcast run` with --method {method}, and not --no-final, stores them"
        )
    return method


def _check_scored(
    reader: StoreReader, models: pa.Table, method: str, scored: Scored, samples: pd.DataFrame
) -> None:
    """Raises BadInputError, with why, unless something is forecast for some sample."""
    if scored.needed and (scored.unknown == len(samples)).all():
        raise BadInputError(none_known(samples, scored.needed))
    if not scored.targets:
        reasons = sorted({str(reason) for reason in models.column("reason").to_pylist() if reason})
        raise BadInputError(
            f"{reader.fs.name}: no final model of method {method} forecasts anything: "
            + ("; ".join(reasons[:SHOWN]) or "it has none")
        )
    if np.isnan(scored.predicted).all():
        lacking = _missing(scored).sort_values("samples_without", ascending=False, kind="stable")
        enough = "all modifiers of a target" if method == "modifiers" else f"{FEWEST_KNOWN}% of the genes"
        raise BadInputError(
            f"no sample knows enough for a single forecast, which takes {enough}: of {len(scored.needed)} "
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


def write(path: Path, frame: pd.DataFrame) -> None:
    """A table as its file's name says, .csv or .parquet."""
    path.write_bytes(to_bytes(pa.Table.from_pandas(frame, preserve_index=False), SUFFIXES[path.suffix]))
