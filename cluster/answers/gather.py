"""From a store to the evidence on one target, by one method."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD
from cluster.views.cell_lines import target_lineages_table
from cluster.views.folds import control_folds
from cluster.views.genes import of_method, scored_folds
from cluster.views.out_of_fold import OutOfFold, read_out_of_fold
from cluster.views.run_dataset import dataset_of, lineages_of
from modeling.statistics.dependent import difference_interval
from modeling.statistics.metrics import benjamini_hochberg
from modeling.statistics.pooling import pooled
from tasks.analyses.answer.evidence import (
    CoDependent,
    Evidence,
    Failure,
    LineageScore,
    MethodScore,
    Modifier,
    Selectivity,
)
from tasks.analyses.answer.measured import codependency, selectivity
from tasks.analyses.answer.relations import GeneRelations
from tasks.analyses.answer.verdict import FEWEST_LINES, FEWEST_SHOWN, chosen_score
from tasks.dataset.dataset import Dataset
from tasks.methods.registry import is_known, method_named

MOST = 10  # modifiers, and co-dependent targets
USABLE = ("ok", "not_converged", "no_modifiers")
# What is hidden of a lineage with fewer lines than this.
_HIDDEN = {
    FEWEST_LINES: ("pearson", "pearson_without_one", "pearson_low", "pearson_high", "p_value"),
    FEWEST_SHOWN: ("mean", "sd", "rmse", "rmse_lineage"),
}
_SAME_NAMES = ("folds", "n", "pearson", "rmse", "rmse_mean", "model", "stability")


@dataclass(frozen=True, eq=False)
class Found:
    """What a page holds of a target already, as frames of all methods (see `gene.GenePage`)."""

    target: str
    summary: pd.DataFrame
    scores: pd.DataFrame
    modifiers: pd.DataFrame
    followed: pd.DataFrame
    failures: pd.DataFrame
    notes: tuple[str, ...] = ()


def _why_no_lineages(reader: StoreReader) -> str:
    if any(lineages_of(reader).values()):
        return "lineages: there is no prediction of it in a line whose lineage is known"
    return "lineages: not known: the store has none, and its Dataset is not where the run found it"


def evidence_of(
    reader: StoreReader,
    found: Found,
    q: Callable[[str], dict[str, float]],
    relations: GeneRelations,
    method: str | None = None,
    codependents: bool = True,
) -> Evidence:
    """The evidence on a target by one method (without one: by that with the highest pooled r).

    `q` gives a method's q by target. What the store and its Dataset do not tell is missing, and `notes` say
    what.
    """
    measure = str(reader.run.get("measure", "effect"))
    target = found.target
    scores = tuple(_score(reader, row, target, q) for row in _rows(found.summary))
    chosen = chosen_score(scores, method)
    name = chosen.method if chosen else method or ""
    dataset = dataset_of(reader, verify=False)
    lineages = _lineages(reader, target, name)
    modifiers = _modifiers(found, name, measure, relations)
    genes = [modifier.gene for modifier in modifiers]
    notes = [*found.notes, *_own_expression(reader, target)]
    if not lineages:
        notes.append(_why_no_lineages(reader))
    return Evidence(
        target=target,
        measure=measure,
        scheme=str(reader.run.get("scheme", "")),
        scores=scores,
        modifiers=modifiers,
        lineages=lineages,
        codependents=codependents_of(reader, target, relations, notes, genes) if codependents else (),
        selectivity=_selectivity(reader, dataset, target, measure),
        failures=_failures(found),
        knows_relations=len(relations.known) > 1,
        on_all_genes=is_known(name) and method_named(name).predicts_from == "all genes",
        notes=tuple(notes),
    )


def _score(
    reader: StoreReader, row: dict[str, Any], target: str, q: Callable[[str], dict[str, float]]
) -> MethodScore:
    method = row["method"]
    rows = read_out_of_fold(reader, method, of_method(scored_folds(reader, (target,)), method), (target,))
    gain, baseline, low, high = _gain(rows, _real(row["pearson_pooled"]), row)
    return MethodScore(
        **{name: row[name] if name == "model" else _real(row[name]) for name in _SAME_NAMES}
        | {"folds": int(row["folds"]), "n": int(row["n"]), "model": row["model"] or ""},
        method=method,
        of_folds=_of_folds(reader, method, target),
        pooled=_real(row["pearson_pooled"]),
        low=_real(row["pearson_low"]),
        high=_real(row["pearson_high"]),
        p=_real(row["p_value"]),
        q=q(method).get(target, 1.0),
        lineage=_real(row["pearson_lineage"]),
        own=_real(row["pearson_own"]),
        gain=gain,
        gain_low=low,
        gain_high=high,
        baseline=baseline,
        permuted_p=_real(row["p_permuted"]),
    )


def _gain(rows: OutOfFold, r: float, row: dict[str, Any]) -> tuple[float, str, float, float]:
    """The gain over the better baseline, that baseline's name, and the interval of the gain."""
    baselines = {name: _real(row[f"pearson_{name}"]) for name in ("lineage", "own")}
    known = {name: value for name, value in baselines.items() if value > 0}
    if not known:
        return _real(row["gain"]), "", _real(row["pearson_low"]), _real(row["pearson_high"])
    name = max(known, key=lambda n: known[n])
    other = getattr(rows, f"predicted_{name}")
    between = pooled(other, rows.predicted, rows.fold_mean)
    return _real(row["gain"]), name, *difference_interval(r, known[name], between.r, between.n)


def _of_folds(reader: StoreReader, method: str, target: str) -> int:
    aside = control_folds(reader.run) | {FINAL_FOLD}
    return sum(unit.method == method and unit.fold not in aside for unit in reader.wanted_of(target))


def _modifiers(found: Found, method: str, measure: str, relations: GeneRelations) -> tuple[Modifier, ...]:
    """The genes that the method's folds selected, then those that its predictions follow."""
    selected = [row for row in _rows(found.modifiers) if row["method"] == method]
    followed = {row["gene"]: row for row in _rows(found.followed) if row["method"] == method}
    among = list(dict.fromkeys([*(row["modifier"] for row in selected), *followed]))[:MOST]
    rows = [
        Modifier(
            row["modifier"],
            "" if row["sign"] == "±" else direction_of(_deciding(row), measure),
            _real(row["pearson"]),
            relations.between(found.target, row["modifier"], among),
            int(row["folds"]),
            bool(row["final"]),
            *_follows(followed.pop(row["modifier"], None)),
            _real(row["weight"]),
        )
        for row in selected
    ]
    rows += [
        Modifier(
            gene,
            direction_of(_real(row["pearson_measured"]), measure),
            _real(row["pearson_measured"]),
            relations.between(found.target, gene, among),
            0,
            False,
            *_follows(row),
        )
        for gene, row in followed.items()
    ]
    return tuple(rows[:MOST])


def _deciding(row: dict[str, Any]) -> float:
    """What says in which direction a modifier counts: its weight, else its r."""
    weight = _real(row["weight"])
    return _real(row["pearson"]) if math.isnan(weight) else weight


def _follows(row: dict[str, Any] | None) -> tuple[float, float]:
    return (math.nan, math.nan) if row is None else (_real(row["pearson"]), _real(row["partial_measured"]))


def direction_of(r: float, measure: str) -> str:
    """The expression at which the target is needed more. A gene effect falls with need, others rise."""
    if math.isnan(r) or r == 0:
        return ""
    return "high" if (r < 0) == (measure == "effect") else "low"


def _lineages(reader: StoreReader, target: str, method: str) -> tuple[LineageScore, ...]:
    rows = [row for row in target_lineages_table(reader, (target,)).to_pylist() if row["method"] == method]
    rows = [_of_enough_lines(row) for row in rows]
    q = benjamini_hochberg(np.array([_real(row["p_value"]) for row in rows], dtype=np.float64))
    found = [
        LineageScore(
            lineage=row["lineage"],
            n=row["n"],
            dependent=row["dependent"],
            mean=_real(row["mean"]),
            sd=_real(row["sd"]),
            pearson=_real(row["pearson"]),
            without_one=_real(row["pearson_without_one"]),
            low=_real(row["pearson_low"]),
            high=_real(row["pearson_high"]),
            p=_real(row["p_value"]),
            q=float(value),
            rmse=_real(row["rmse"]),
            rmse_lineage=_real(row["rmse_lineage"]),
        )
        for row, value in zip(rows, q, strict=True)
    ]
    return tuple(sorted(found, key=lambda x: (-x.n, x.lineage)))


def _of_enough_lines(row: dict[str, Any]) -> dict[str, Any]:
    hidden = [name for fewest, names in _HIDDEN.items() if row["n"] < fewest for name in names]
    return row | dict.fromkeys(hidden)


def codependents_of(
    reader: StoreReader, target: str, relations: GeneRelations, notes: list[str], genes: Sequence[str] = ()
) -> tuple[CoDependent, ...]:
    """From the Dataset's measured effects; without it, from what `best` kept of them, and `notes` say so.

    `genes` are further ones of the target, its modifiers: a pathway of many of them is named first.
    """
    if (dataset := dataset_of(reader, verify=False)) is None:
        rows = reader.table("modules", targets=(target,)).to_pylist()
        notes.append(
            "co-dependent targets: the Dataset is not where the run found it"
            + ("; these are those that method best borrows from" if rows else "")
        )
        known = [(row["codependent"], _real(row["pearson"]), 0) for row in rows]
    else:
        r, n = codependency(dataset.effect, dataset.targets.index(target))
        first = np.argsort(np.where(np.isnan(r), 1.0, -np.abs(r)), kind="stable")[:MOST]
        known = [(dataset.targets[i], float(r[i]), int(n[i])) for i in first if not np.isnan(r[i])]
    among = [*genes, *(name for name, _, _ in known)]
    return tuple(CoDependent(name, r, n, relations.between(target, name, among)) for name, r, n in known)


def _selectivity(
    reader: StoreReader, dataset: Dataset | None, target: str, measure: str
) -> Selectivity | None:
    """Of all lines measured, from the Dataset; without it, of those that were predicted."""
    if dataset is not None:
        return selectivity(np.asarray(dataset.effect[:, dataset.targets.index(target)]), measure)
    rows = reader.table("predictions", ["cell_line", "measured"], (target,)).to_pandas()
    values = rows.drop_duplicates("cell_line")["measured"].to_numpy(np.float64)
    return selectivity(values, measure)


def _own_expression(reader: StoreReader, target: str) -> list[str]:
    """That no method could choose the target's own expression, where the Dataset does not have it."""
    facts = reader.targets()
    known = [] if facts is None else facts.filter(pc.equal(facts.column("target"), target)).to_pylist()
    if not known or known[0].get("own_expression", True):
        return []
    return [
        f"the expression of {target} itself is not among the {reader.run.get('genes')} genes of the Dataset, "
        "so no model could use it"
    ]


def _failures(found: Found) -> tuple[Failure, ...]:
    """Folds without a usable fit, by method, status and reason; the final fit's is among them."""
    folds: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for row in _rows(found.scores):
        if row["status"] not in USABLE:
            folds[row["method"], row["status"], row["reason"] or ""].append(row["fold"])
    for row in _rows(found.failures):
        folds[row["method"], row["status"], row["error"] or ""].append(row["fold"])
    return tuple(
        Failure(method, status, tuple(sorted(set(numbers))), reason)
        for (method, status, reason), numbers in sorted(folds.items())
    )


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _real(value: Any) -> float:
    """NaN for what is missing."""
    return math.nan if value is None or pd.isna(value) else float(value)
