"""Forecasts for new samples, and in words what could not be forecast."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from tasks.methods.registry import method_named
from tasks.scoring.kernels import FEWEST_KNOWN

SHOWN = 20  # names in a sentence; files hold them all


@dataclass(frozen=True, eq=False)
class Prediction:
    """Forecasts for new samples by one method's models.

    `predicted`: samples x targets that have a model, in the units of the store's measure; NaN where the
    sample does not know what the model needs: every modifier, or 90% of the genes of a model on all genes.
    `trust`: one row per target whose final fit is stored: how it ended (`status`, `reason`), model (no `kind`
    and no forecasts where it ended without one), number of modifiers, `missing_genes` (how many genes its
    model needs that no column holds) and, of modifiers, which; the out-of-fold scores, and residual_50 ...
    residual_95 (a forecast ± residual_L holds the truth for L% of new lines, if they are exchangeable with
    the training lines).
    `missing`: one row per gene that the models need and some sample does not know: in how many samples.
    `known`: for each sample, the share of the models' genes that it knows, in 0..1 (1 if they need none).
    """

    method: str
    predicted: pd.DataFrame
    trust: pd.DataFrame
    missing: pd.DataFrame
    known: pd.Series


def what_is_missing(made: Prediction, unfitted: Sequence[str], trust: str) -> list[str]:
    """Lines on targets and samples that are not forecast, and why; `trust` is the file of that table.

    `unfitted` are the targets of the method without a final fit.
    """
    lines = _targets_without_model(made, unfitted, trust)
    if len(absent := made.missing[made.missing["samples_without"] == len(made.predicted)]):
        lines.append(f"{len(absent)} genes the models need are missing: {listed(absent['gene'])}")
    lacking = made.trust.loc[made.trust["missing_modifiers"] != "", "target"]
    if len(lacking):
        lines.append(
            f"{len(lacking)} targets are not forecast for that reason (missing_modifiers in {trust})"
        )
    method = method_named(made.method)
    if method.predicts_from == "modifiers":
        return lines + _samples_by_targets(made.predicted.drop(columns=lacking))
    return lines + _samples_by_genes(made.known, method.unknown_genes)


def _targets_without_model(made: Prediction, unfitted: Sequence[str], trust: str) -> list[str]:
    lines = []
    ended = made.trust[made.trust["kind"].isna()]
    if len(ended):
        names = [f"{row.target} ({row.status})" for row in ended.itertuples()]
        lines.append(f"{len(ended)} targets have no model, no forecast (reason in {trust}): {listed(names)}")
    if unfitted:
        lines.append(
            f"{len(unfitted)} targets have no final model (run with --no-final, quarantined, or left to do: "
            f"`knockcast status`): {listed(unfitted)}"
        )
    return lines


def _samples_by_targets(predicted: pd.DataFrame) -> list[str]:
    """Of models on modifiers: which samples lack values, so that some targets, or all, are not forecast."""
    count = predicted.notna().sum(axis=1)
    fewer = count[count < predicted.shape[1]].sort_values(kind="stable")
    lines = []
    if len(none := fewer[fewer == 0]):
        names = listed([str(sample) for sample in none.index])
        lines.append(f"{len(none)} samples lack values and are forecast for no target: {names}")
    if len(some := fewer[fewer > 0]):
        names = listed([f"{sample} ({n} of {predicted.shape[1]})" for sample, n in some.items()])
        lines.append(f"{len(some)} samples lack values and are forecast for some targets only: {names}")
    return lines


def _samples_by_genes(known: pd.Series, how: str) -> list[str]:
    """Of models on all genes: which samples were forecast though they lack some, and which not at all."""
    lacking = known[known < 1].sort_values(kind="stable")
    poor = 100 * lacking < FEWEST_KNOWN
    lines = []
    if poor.any():
        names = listed([f"{sample} ({share:.1%})" for sample, share in lacking[poor].items()])
        lines.append(f"{poor.sum()} samples know under {FEWEST_KNOWN}% of the genes, no forecast: {names}")
    if not poor.all():
        lines.append(
            f"{(~poor).sum()} samples lack some genes and are forecast {how} "
            f"({lacking[~poor].iloc[0]:.1%} or more)"
        )
    return lines


def listed(names: pd.Series | Sequence[str]) -> str:
    """The first names, for a sentence."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
