"""Invented evidence, for tests of verdicts: each value can be set."""

from typing import Any

from tasks.analyses.answer.evidence import Evidence, LineageScore, MethodScore, Modifier, Selectivity
from tasks.analyses.answer.relations import Relation

NAN = float("nan")


def score(pooled: float = 0.6, **given: Any) -> MethodScore:
    values: dict[str, Any] = {
        "method": "best",
        "folds": 5,
        "of_folds": 5,
        "n": 400,
        "pearson": pooled,
        "pooled": pooled,
        "low": pooled - 0.1,
        "high": pooled + 0.1,
        "p": 1e-9,
        "q": 1e-8,
        "lineage": 0.3,
        "own": 0.1,
        "gain": pooled - 0.3,
        "gain_low": pooled - 0.35,
        "gain_high": pooled - 0.25,
        "baseline": "lineage",
        "rmse": 0.4,
        "rmse_mean": 0.5,
        "permuted_p": 0.01,
        "model": "best",
        "stability": 0.8,
    }
    return MethodScore(**values | given)


def lineage(name: str = "Lung", r: float = 0.5, n: int = 60, **given: Any) -> LineageScore:
    values: dict[str, Any] = {
        "lineage": name,
        "n": n,
        "dependent": 12,
        "mean": -0.4,
        "sd": 0.5,
        "pearson": r,
        "without_one": r - 0.05,
        "low": r - 0.2,
        "high": r + 0.15,
        "p": 1e-4,
        "q": 1e-3,
        "rmse": 0.3,
        "rmse_lineage": 0.4,
    }
    return LineageScore(**values | given)


def modifier(gene: str, direction: str = "high", folds: int = 5, kind: str = "") -> Modifier:
    return Modifier(gene, direction, 0.5, (Relation(kind),) if kind else (), folds)


def whole(**given: Any) -> Selectivity:
    values: dict[str, Any] = {"n": 400, "dependent": 60, "mean": -0.2, "sd": 0.5, "skew": 2.0}
    return Selectivity(**values | {"target_class": "variable"} | given)


def evidence(*scores: MethodScore, **given: Any) -> Evidence:
    values: dict[str, Any] = {
        "target": "ABC",
        "measure": "effect",
        "scheme": "kfold",
        "scores": scores,
        "modifiers": (modifier("XYZ"), modifier("ABC", "low", 4, "self")),
        "lineages": (lineage(),),
        "selectivity": whole(),
    }
    return Evidence(**values | given)
