"""`knockcast predict`: new samples x targets from a store's final models, each target's trust beside it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cluster.final_models import RESIDUALS, residuals_table
from cluster.formats import to_bytes
from cluster.store.reader import StoreReader
from cluster.summary import genes_table
from tasks.depmap import read_matrix
from tasks.matrices import GENES
from tasks.problems import BadInputError
from tasks.scoring import score_samples

SUFFIXES = {".csv": "csv", ".parquet": "parquet"}
TRUST = ["class", "pearson", "pearson_pooled", "pearson_low", "pearson_high", "q_value", "gain"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """Forecasts for new samples.

    `predicted`: samples x targets, in the units of the store's measure, NaN where a needed gene is not known.
    `trust`: one row per target: model, number of modifiers, those missing from the samples, the out-of-fold
    scores, and residual_50 ... residual_95 (a forecast ± residual_L holds the truth for L% of new lines, if
    they are exchangeable with the training lines).
    """

    predicted: pd.DataFrame
    trust: pd.DataFrame


def predict_samples(reader: StoreReader, expression: pd.DataFrame, method: str = "modifiers") -> Prediction:
    """Score samples (rows; columns are genes, log2(TPM+1), missing values NaN) with the final models.

    Raises BadInputError where the store holds no final models of the method, or no gene is known.
    """
    models = reader.table("models")
    models = models.filter(pc.equal(models.column("method"), method))
    if not models.num_rows:
        raise BadInputError(f"{reader.fs.name}: no final models of method {method}; run with --final")
    genes = [str(name) for name in expression.columns]
    scored = score_samples(models, genes, expression.to_numpy(dtype=np.float32, na_value=np.nan))
    if not scored.known:
        raise BadInputError(
            "none of the models' genes are known in these samples: columns must be gene symbols"
        )
    predicted = pd.DataFrame(scored.predicted, index=expression.index, columns=list(scored.targets))
    return Prediction(predicted, _trust(reader, models, method, scored.missing))


def predict_file(store: str, expression: Path, out: Path, method: str) -> str:
    """Score a file of samples; write `out` and, beside it, the targets' trust; returns what was done.

    Raises BadInputError for input that cannot be used, before anything is written.
    """
    if out.suffix not in SUFFIXES:
        raise BadInputError(f"--out {out}: expected a name that ends with {' or '.join(SUFFIXES)}")
    matrix = read_matrix(expression, GENES)
    frame = pd.DataFrame(matrix.values.T, index=pd.Index(matrix.ids, name="sample"), columns=matrix.columns)
    made = predict_samples(StoreReader.open(store), frame, method)
    beside = out.with_name(f"{out.stem}.targets{out.suffix}")
    _write(out, made.predicted.reset_index())
    _write(beside, made.trust)
    return _in_words(out, beside, made)


def _trust(
    reader: StoreReader, models: pa.Table, method: str, missing: dict[str, tuple[str, ...]]
) -> pd.DataFrame:
    rows = models.select(["target", "kind", "modifiers", "status"]).to_pandas().query("kind.notna()")
    rows["n_modifiers"] = rows.pop("modifiers").map(len)
    rows["missing_modifiers"] = [",".join(missing.get(target, ())) for target in rows["target"]]
    genes, residuals = genes_table(reader).to_pandas(), residuals_table(reader).to_pandas()
    for known, columns in ((genes, TRUST), (residuals, list(RESIDUALS))):
        mine = known[known["method"] == method][["target", *columns]]
        rows = rows.merge(mine, on="target", how="left", validate="one_to_one")
    return rows


def _write(path: Path, frame: pd.DataFrame) -> None:
    path.write_bytes(to_bytes(pa.Table.from_pandas(frame, preserve_index=False), SUFFIXES[path.suffix]))


def _in_words(out: Path, beside: Path, made: Prediction) -> str:
    lacking = sorted({gene for genes in made.trust["missing_modifiers"] for gene in genes.split(",") if gene})
    unscored = int((made.trust["missing_modifiers"] != "").sum())
    lines = [
        f"{out}: {made.predicted.shape[0]} samples x {made.predicted.shape[1]} targets",
        f"{beside}: each target's model, out-of-fold scores and residual quantiles",
    ]
    if lacking:
        shown = ", ".join(lacking[:20]) + (", ..." if len(lacking) > 20 else "")
        lines.append(f"{len(lacking)} genes the models need are missing: {shown}")
        lines.append(
            f"{unscored} targets are not forecast for that reason (missing_modifiers in {beside.name})"
        )
    return "\n".join(lines)
