"""What run.json says of a run's folds: which are controls, and which lineage was held out in which."""

from collections.abc import Mapping
from typing import Any

from tasks.analyses.lineage import HeldOut


def control_folds(run: Mapping[str, Any]) -> frozenset[int]:
    """The folds that count in no score of a target; none in a run that does not say."""
    return frozenset(fold["number"] for fold in run.get("folds", ()) if fold.get("control", False))


def held_out_lineages(run: Mapping[str, Any]) -> tuple[HeldOut, ...]:
    """The lineages held out and their random twins, by fold; none in a run of another scheme."""
    if run.get("scheme") != "lineage":
        return ()
    tested = sorted((fold for fold in run["folds"] if fold["n_test"] > 0), key=lambda fold: fold["number"])
    twins = [fold for fold in tested if fold.get("control", False)]
    held_out = [fold for fold in tested if not fold.get("control", False)]
    return tuple(
        HeldOut(fold["name"], fold["number"], twin["number"], fold["n_test"])
        for fold, twin in zip(held_out, twins, strict=True)
    )
