"""Everything a store knows of one target, gathered for `knockcast gene` and for notebooks."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cluster.answers.gather import Found, evidence_of
from cluster.answers.names import find_target
from cluster.answers.page import verdict_html
from cluster.answers.relating import stored_relations
from cluster.answers.text import verdict_text
from cluster.store.reader import StoreReader
from cluster.store.units import Unit
from cluster.views.folds import control_folds
from cluster.views.followed import followed_table
from cluster.views.genes import genes_table
from cluster.views.genes_blocks import q_values
from cluster.views.shards import failures_table
from tasks.analyses.answer.relations import GeneRelations
from tasks.analyses.answer.verdict import Verdict, judge
from tasks.errors import BadInputError
from tasks.tables.computed_tables import FOLLOWED

_MEANS = ("pearson", "spearman", "chi2", "rank", "weight")  # over the folds that chose a modifier


@dataclass(frozen=True, eq=False)
class GenePage:
    """One target. Frames hold all methods; `modifiers` is `modifier_summary`.

    `summary` is its rows of `genes`, but for `q_permuted`, which needs every target and is null here; like
    it, `modifiers` leaves the random twins of held-out lineages out. Under scheme `lineage`, `scores` has a
    column `held_out`, what its fold tested. `followed` is the target's part of the table, best gene first;
    where it cannot be computed, it is empty, and `notes` say why. `missing` are the wanted units without a
    result, with the errors that quarantined them (empty: not done yet). `verdict` judges all of it.
    """

    target: str
    summary: pd.DataFrame
    scores: pd.DataFrame
    modifiers: pd.DataFrame
    followed: pd.DataFrame
    candidates: pd.DataFrame
    failures: pd.DataFrame
    missing: dict[Unit, list[Any]]
    notes: tuple[str, ...]
    verdict: Verdict

    def __repr__(self) -> str:
        """The verdict and what it rests on, as `knockcast gene` prints them."""
        return verdict_text(self.verdict)

    def _repr_html_(self) -> str:
        """The same in a notebook."""
        return verdict_html(self.verdict)


def gene_page(
    reader: StoreReader,
    target: str,
    method: str | None = None,
    relations: GeneRelations | None = None,
    q: Callable[[str], dict[str, float]] | None = None,
    gene_map: Path | None = None,
) -> GenePage:
    """The page of one target, its verdict by one method (without one: by that with the highest pooled r).

    `relations` are known on top of what `enrich` stored. `q` gives a method's q by target, where the caller
    keeps them. `gene_map` is a table of further names, HGNC's for instance. Raises BadInputError, naming
    close ones, where the run wants no such target or no such method of it.
    """
    return page_of_target(reader, find_target(reader, target, gene_map), method, relations, q)


def page_of_target(
    reader: StoreReader,
    target: str,
    method: str | None = None,
    relations: GeneRelations | None = None,
    q: Callable[[str], dict[str, float]] | None = None,
    codependents: bool = True,
) -> GenePage:
    """`gene_page` of a target by its own name. Not to look for `codependents` saves much of the time."""
    mine = sorted(reader.wanted_of(target))
    only = (target,)
    committed, quarantined = reader.committed_units(), reader.quarantined()
    _require_method(target, method, {unit.method for unit in mine})
    q = q or cache(partial(q_values, reader))
    summary = genes_table(reader, only).to_pandas()
    summary["q_value"] = [q(method_of_row).get(target, 1.0) for method_of_row in summary["method"]]
    followed, notes = _followed(reader, only)
    found = Found(
        target=target,
        summary=summary,
        scores=_scores(reader, only),
        modifiers=target_modifiers(reader, only),
        followed=followed,
        failures=failures_table(reader, only).to_pandas(),
        notes=notes,
    )
    known = stored_relations(reader).joined(relations or GeneRelations())
    evidence = evidence_of(reader, found, q, known, method, codependents)
    return GenePage(
        **{field.name: getattr(found, field.name) for field in fields(Found)},
        candidates=reader.table("candidates", targets=only).to_pandas(),
        missing={unit: quarantined.get(unit, []) for unit in mine if unit not in committed},
        verdict=judge(evidence, method),
    )


def _require_method(target: str, method: str | None, known: Collection[str]) -> None:
    if method is not None and method not in known:
        raise BadInputError(f"--method {method}: {target} has none of it; it has {', '.join(sorted(known))}")


def _followed(reader: StoreReader, targets: tuple[str, ...]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The target's genes, and why there are none: the rest of the page needs no expression."""
    try:
        frame, notes = followed_table(reader, targets).to_pandas(), ()
    except BadInputError as error:
        return FOLLOWED.schema.empty_table().to_pandas(), tuple(error.problems)
    return frame.sort_values(["method", "rank"], ignore_index=True), notes


def _scores(reader: StoreReader, targets: tuple[str, ...]) -> pd.DataFrame:
    scores = reader.table("scores", targets=targets).to_pandas()
    if reader.run.get("scheme") == "lineage":
        names = {fold["number"]: fold["name"] for fold in reader.run["folds"]}
        scores.insert(scores.columns.get_loc("fold") + 1, "held_out", scores["fold"].map(names))
    return scores


def target_modifiers(reader: StoreReader, targets: tuple[str, ...]) -> pd.DataFrame:
    """`modifier_summary` of one target, which `targets` names."""
    return modifier_summary(_modifiers(reader, targets), _final_modifiers(reader, targets))


def _modifiers(reader: StoreReader, targets: tuple[str, ...]) -> pa.Table:
    """Those of the folds that count in `genes`."""
    modifiers = reader.table("modifiers", targets=targets)
    twins = pa.array(sorted(control_folds(reader.run)), pa.int32())
    return modifiers.filter(pc.invert(pc.is_in(modifiers.column("fold"), value_set=twins)))


def modifier_summary(modifiers: pa.Table, final: set[tuple[str, str]]) -> pd.DataFrame:
    """Per method and modifier of one target: how many folds chose it, and its mean statistics over them.

    `final` (method and modifier) says which the final model uses too; one that no fold chose has no row.
    `sign` is + or − where every fold has the same, ± where not: that of `weight`, the gene's coefficient in
    the prediction, where the method has one (`best`), else that of r, which is of the gene alone with the
    effect. Ordered by method, then folds (most first), rank.
    """
    columns = ["method", "modifier", "folds", "final", "sign", *_MEANS]
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in modifiers.select(["method", "modifier", *_MEANS]).to_pylist():
        groups.setdefault((row["method"], row["modifier"]), []).append(row)
    rows = [
        {"method": method, "modifier": name, "final": (method, name) in final}
        | _over_folds(groups[method, name])
        for method, name in sorted(groups)
    ]
    found = pd.DataFrame(rows, columns=columns)
    order = found.sort_values(["method", "folds", "rank", "modifier"], ascending=[True, False, True, True])
    return order.reset_index(drop=True)


def _over_folds(rows: list[dict[str, Any]]) -> dict[str, Any]:
    known = {name: [row[name] for row in rows if pd.notna(row[name])] for name in _MEANS}
    means = {name: float(np.mean(values)) if values else float("nan") for name, values in known.items()}
    signs = frozenset(np.sign(known["weight"] or known["pearson"]).tolist())
    sign = {frozenset({1.0}): "+", frozenset({-1.0}): "−"}.get(signs, "±")
    return {"folds": len(rows), "sign": sign, **means}


def _final_modifiers(reader: StoreReader, targets: tuple[str, ...]) -> set[tuple[str, str]]:
    rows = reader.table("models", columns=["method", "modifiers"], targets=targets).to_pylist()
    return {(row["method"], modifier) for row in rows for modifier in row["modifiers"] or ()}
