"""What a gene's predictions rest on: methods side by side, modifiers, genes followed, folds, failures."""

from typing import Any

import pandas as pd

from cluster.explorer.data import StoreData
from cluster.explorer.pages.parts import Shown, file_links, gene_link, number, section, small_table


def evidence(data: StoreData, target: str, method: str) -> list[Any]:
    """The sections below the predictions."""
    return [
        *_modifiers(data, target, method),
        *_folds(data, target, method),
        *_failures(data, target),
    ]


def _modifiers(data: StoreData, target: str, method: str) -> list[Any]:
    found = data.modifiers(target)
    mine = found[found["method"] == method]
    if mine.empty:
        return []
    columns = (
        Shown(
            "Modifier",
            lambda row: gene_link(row.modifier, data.resolve(row.modifier) is not None),
            is_number=False,
        ),
        Shown("Folds", lambda row: number(row.folds, 0), "folds that chose it"),
        Shown(
            "Direction",
            lambda row: _direction(row.sign),
            "of its weight where it has one, else of its r",
            is_number=False,
        ),
        *(
            [
                Shown(
                    "Weight",
                    lambda row: number(row.weight, 3),
                    "what the prediction adds per log2(TPM+1), on top of what all genes predict",
                )
            ]
            if mine["weight"].notna().any()
            else []
        ),
        Shown("r", lambda row: number(row.pearson, 2), "of the gene alone: Pearson, mean over those folds"),
        Shown("ρ", lambda row: number(row.spearman, 2), "Spearman, likewise"),
        Shown("χ²", lambda row: number(row.chi2, 1), "of 3 x 3 counts, likewise"),
        Shown("Rank", lambda row: number(row.rank, 1), "mean rank among the fold's modifiers"),
        Shown(
            "Final",
            lambda row: "yes" if row.final else "no",
            "whether the model on all lines uses it",
            is_number=False,
        ),
    )
    note = (
        "Genes whose expression goes with the effect, most chosen first. + : more expression, higher value."
    )
    return [
        section(
            "Modifiers",
            small_table(mine, columns, f"Modifiers of {target}", 20),
            file_links(target, "modifiers"),
            note=note,
        )
    ]


def _direction(sign: str) -> str:
    return {"+": "+ higher", "−": "− lower"}.get(sign, "± both")


def _folds(data: StoreData, target: str, method: str) -> list[Any]:
    scores = data.scores(target)
    mine = scores[scores["method"] == method]
    if mine.empty:
        return []
    columns = (
        Shown("Fold", lambda row: number(row.fold, 0)),
        Shown("Model", lambda row: row.model if isinstance(row.model, str) else "–", is_number=False),
        Shown("r", lambda row: number(row.pearson, 2)),
        Shown("ρ", lambda row: number(row.spearman, 2)),
        Shown("RMSE", lambda row: number(row.rmse, 3)),
        Shown("Modifiers", lambda row: number(row.n_modifiers, 0)),
        Shown("Status", lambda row: row.status, is_number=False),
        Shown("Reason", lambda row: row.reason if isinstance(row.reason, str) else "", is_number=False),
    )
    return [section("Folds", small_table(mine, columns, f"Folds of {target}"), file_links(target, "scores"))]


def _failures(data: StoreData, target: str) -> list[Any]:
    failed = data.failures
    mine: pd.DataFrame = failed[failed["target"] == target]
    if mine.empty:
        return []
    columns = (
        Shown("Method", lambda row: row.method, is_number=False),
        Shown("Fold", lambda row: number(row.fold, 0)),
        Shown("Error", lambda row: row.error, is_number=False),
    )
    return [section("Failures", small_table(mine, columns, f"Failures of {target}"))]
