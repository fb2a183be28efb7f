"""`knockcast predict`: new samples x targets from a store's final models, each target's trust beside it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from cluster.final_models import RESIDUALS, residuals_table
from cluster.formats import to_bytes
from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD
from cluster.summary import genes_table
from tasks.depmap import read_matrix
from tasks.expression_range import doubt_about, range_in_words
from tasks.kernel_scoring import FEWEST_KNOWN
from tasks.matrices import GENES
from tasks.problems import BadInputError
from tasks.scoring import Scored, score_samples
from tasks.shared_training import NETWORK_METHODS
from tasks.tables import KEYS, SCHEMAS

SUFFIXES = {".csv": "csv", ".parquet": "parquet"}
TRUST = ["class", "pearson", "pearson_pooled", "pearson_low", "pearson_high", "q_value", "gain"]
SHOWN = 20  # names in a sentence; files hold them all


@dataclass(frozen=True, eq=False)
class Prediction:
    """Forecasts for new samples by one method's models.

    `predicted`: samples x targets, in the units of the store's measure, NaN where the sample does not know
    what the model needs: every modifier, or 90% of the genes of a model on all genes.
    `trust`: one row per target: model, number of modifiers, `missing_genes` (how many genes its model needs
    that no column holds) and, of modifiers, which; the out-of-fold scores, and residual_50 ... residual_95 (a
    forecast ± residual_L holds the truth for L% of new lines, if they are exchangeable with the training
    lines).
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
    store holds no final models of the method, it cannot be told which is meant, or no gene is known.
    """
    chosen = _method(reader, method)
    parts = [part for _, part in reader.parts("models", method=chosen)]
    models = sort_rows(pa.concat_tables([SCHEMAS["models"].empty_table(), *parts]), KEYS["models"])
    genes = [str(name) for name in expression.columns]
    values = expression.to_numpy(dtype=np.float32, na_value=np.nan)
    scored = score_samples(models, genes, values, reader.training, reader.weights)
    if scored.needed and (scored.unknown == len(values)).all():
        raise BadInputError(
            "none of the models' genes are known in these samples: columns must be gene symbols"
        )
    if not scored.targets:
        reasons = sorted({str(reason) for reason in models.column("reason").to_pylist() if reason})
        raise BadInputError(
            f"{reader.fs.name}: no final model of method {chosen} forecasts anything: "
            + ("; ".join(reasons[:SHOWN]) or "it has none")
        )
    share = scored.known / len(scored.needed) if scored.needed else np.ones(len(values))
    return Prediction(
        chosen,
        pd.DataFrame(scored.predicted, index=expression.index, columns=list(scored.targets)),
        _trust(reader, models, chosen, scored.missing),
        _missing(scored),
        pd.Series(share, index=expression.index),
    )


def predict_file(store: str, expression: Path, out: Path, method: str | None = None) -> str:
    """Score a file of samples; write `out` and, beside it, the targets' trust and the missing genes.

    Returns what was done. Raises BadInputError for input that cannot be used, before anything is written.
    """
    targets, missing = (out.with_name(f"{out.stem}.{what}{out.suffix}") for what in ("targets", "missing"))
    frame = samples_of(expression, out, (out, targets, missing))
    made = predict_samples(StoreReader.open(store), frame, method)
    write(out, made.predicted.reset_index())
    write(targets, made.trust)
    write(missing, made.missing)  # if empty, too: an older one would tell of other samples
    return "\n".join(
        [
            f"{out}: {made.predicted.shape[0]} samples x {made.predicted.shape[1]} targets ({made.method})",
            f"{targets}: each target's model, out-of-fold scores and residual quantiles",
            f"{missing}: {len(made.missing)} genes that the models need and some sample lacks",
            *_what_is_missing(made, targets.name),
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


def _method(reader: StoreReader, asked: str | None) -> str:
    final = (u for u in reader.committed_units() if u.fold == FINAL_FOLD and not u.is_whole)
    stored = sorted({unit.method for unit in final})
    listed = f"stored are those of {', '.join(stored)}" if stored else "none are stored"
    if asked is None and len(stored) > 1 and "modifiers" not in stored:
        raise BadInputError(f"{reader.fs.name}: --method: whose final models? {listed}")
    if asked == "profiles":
        raise BadInputError("--method profiles: it forecasts genes for known cell lines, no new samples")
    method = asked or ("modifiers" if "modifiers" in stored or not stored else stored[0])
    if method not in stored:
        raise BadInputError(
            f"{reader.fs.name}: no final models of method {method} ({listed}); "
            "`knockcast run` with that --method, and not --no-final, stores them"
        )
    return method


def _trust(
    reader: StoreReader, models: pa.Table, method: str, missing: dict[str, tuple[str, ...]]
) -> pd.DataFrame:
    rows = models.select(["target", "kind", "modifiers", "status"]).to_pandas().query("kind.notna()")
    rows["n_modifiers"] = rows.pop("modifiers").map(len)
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


def _what_is_missing(made: Prediction, trust: str) -> list[str]:
    lines = []
    if len(absent := made.missing[made.missing["samples_without"] == len(made.predicted)]):
        lines.append(f"{len(absent)} genes the models need are missing: {_listed(absent['gene'])}")
    if unscored := int((made.trust["missing_modifiers"] != "").sum()):
        lines.append(f"{unscored} targets are not forecast for that reason (missing_modifiers in {trust})")
    if made.method != "modifiers":
        how = "with the training mean for those" if made.method in NETWORK_METHODS else "from those they know"
        lines += _samples_in_words(made.known, how)
    return lines


def _samples_in_words(known: pd.Series, how: str) -> list[str]:
    """Of models on all genes: which samples were forecast though they lack some, and which not at all."""
    lacking = known[known < 1].sort_values(kind="stable")
    poor = 100 * lacking < FEWEST_KNOWN
    lines = []
    if poor.any():
        names = _listed([f"{sample} ({share:.1%})" for sample, share in lacking[poor].items()])
        lines.append(f"{poor.sum()} samples know under {FEWEST_KNOWN}% of the genes, no forecast: {names}")
    if not poor.all():
        lines.append(
            f"{(~poor).sum()} samples lack some genes and are forecast {how} "
            f"({lacking[~poor].iloc[0]:.1%} or more)"
        )
    return lines


def _listed(names: "pd.Series | list[str]") -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
