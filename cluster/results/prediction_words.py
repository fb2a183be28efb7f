"""What `predict` says in words: which methods predict what, what they rest on, and what is not predicted."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cluster.results.predict import Prediction, listed
from tasks.methods.registry import method_named
from tasks.scoring.all_genes import FEWEST_KNOWN


def flagged_in_words(samples: pd.DataFrame) -> str:
    """How many samples are flagged, and the first of them with why."""
    flagged = samples[samples["flagged"]]
    if flagged.empty:
        return "none is flagged"
    first = flagged.iloc[0]
    return (
        f"LOOK AGAIN: {len(flagged)} of {len(samples)} are flagged, as {first['sample']} ({first['why']}): "
        "do not take their predictions for more than guesses"
    )


def what_intervals(made: Prediction, paths: Sequence[Path]) -> list[str]:
    """Where intervals are written, and what they promise; nothing without any."""
    if made.low is None:
        return []
    named = f"{made.level:.6g}"
    lines = [
        f"{', '.join(map(str, paths))}: intervals that hold the truth for a share {named} of new lines, "
        "if they are like the training lines"
    ]
    without = (made.low.isna() & made.predicted.notna()).any()
    if without.any():
        few = [str(target) for target in without.index[without]]
        lines.append(f"{len(few)} targets have too few out-of-fold predictions for intervals: {listed(few)}")
    return lines


def which_methods(made: Prediction, trust: str) -> list[str]:
    """Of several methods: how many targets each predicts, and where one stands in for another."""
    if len(made.methods) == 1:
        return []
    rows = made.trust[made.trust["target"].isin(made.predicted.columns)]
    counts = rows["method"].value_counts()
    lines = [
        "each target by the method that is best on average, unless another's out-of-fold r is clearly "
        f"higher on the same lines (why_method in {trust}): "
        + ", ".join(f"{counts.get(name, 0)} by {name}" for name in made.methods)
    ]
    other = rows.loc[(rows["instead_of"] != "") | (rows["samples_by_other"] > 0), "target"]
    if len(other):
        lines.append(
            f"{len(other)} targets are predicted by another method for samples that lack genes of the model "
            f"chosen (instead_of, samples_by_other in {trust}): {listed(other.tolist())}"
        )
    return lines


def what_is_missing(made: Prediction, unfitted: Sequence[str], trust: str) -> list[str]:
    """Lines on targets and samples without a prediction, and why; `trust` is the file of that table.

    `unfitted` are the targets of the method without a final fit.
    """
    lines = _targets_without_model(made, unfitted, trust)
    if len(absent := made.missing[made.missing["samples_without"] == len(made.predicted)]):
        lines.append(f"{len(absent)} genes the models need are missing: {listed(absent['gene'])}")
    nowhere = made.predicted.columns[made.predicted.isna().all()]
    lacking = made.trust.loc[made.trust["missing_modifiers"] != "", "target"]
    lacking = lacking[lacking.isin(nowhere)]
    if len(lacking):
        lines.append(
            f"{len(lacking)} targets are not predicted for that reason (missing_modifiers in {trust})"
        )
    ways = {name: method_named(name) for name in made.methods}
    on_all_genes = [name for name, way in ways.items() if way.predicts_from == "all genes"]
    lines += _lost_genes(made.trust[made.trust["method"].isin(on_all_genes)], trust)
    if any(method.predicts_from == "modifiers" for method in ways.values()):
        lines += _samples_by_targets(made.predicted.drop(columns=lacking))
    for name, known in made.known_of.items():
        if ways[name].predicts_from != "modifiers":
            whose = "" if len(ways) == 1 else f" by {name}"
            lines += _samples_by_genes(known, ways[name].unknown_genes, whose)
    return lines


def _lost_genes(rows: pd.DataFrame, trust: str) -> list[str]:
    """Of models on all genes that also name some (the gate of `best`): whose named genes are lacking."""
    lost = rows[rows["samples_without_modifiers"] > 0]
    if lost.empty:
        return []
    pairs = zip(lost["target"], lost["samples_without_modifiers"], lost["missing_modifiers"], strict=True)
    names = [f"{target} ({genes or f'in {count} samples'})" for target, count, genes in pairs]
    columns = f"samples_without_modifiers, missing_modifiers in {trust}"
    return [
        f"LOOK AGAIN: {len(lost)} of {len(rows)} targets lack genes that their model names beside all others "
        f"({columns}): {listed(names)}. Such a gene counts as at its mean over the training lines, so what "
        "it says of a sample is lost; the trust and intervals of these targets are of models that knew it, "
        "and too good here"
    ]


def _targets_without_model(made: Prediction, unfitted: Sequence[str], trust: str) -> list[str]:
    lines = []
    ended = made.trust[made.trust["kind"].isna()]
    if len(ended):
        names = [f"{row.target} ({row.status})" for row in ended.itertuples()]
        lines.append(
            f"{len(ended)} targets have no model, no prediction (reason in {trust}): {listed(names)}"
        )
    flat = made.trust[made.trust["kind"].notna() & ~made.trust["target"].isin(made.predicted.columns)]
    if len(flat):
        counts = flat["status"].replace("ok", "a model without weights").value_counts()
        why = ", ".join(f"{status}: {count}" for status, count in counts.items())
        lines.append(
            f"{len(flat)} targets have no column: all that is known of them is their mean over the "
            f"training lines, whatever the sample ({why}; train_mean in {trust})"
        )
    if unfitted:
        lines.append(
            f"{len(unfitted)} targets have no final model (run with --no-final, quarantined, or left to do: "
            f"`knockcast status`): {listed(unfitted)}"
        )
    return lines


def _samples_by_targets(predicted: pd.DataFrame) -> list[str]:
    """Of models on modifiers: which samples lack values, so that some targets, or all, are not predicted."""
    count = predicted.notna().sum(axis=1)
    fewer = count[count < predicted.shape[1]].sort_values(kind="stable")
    lines = []
    if len(none := fewer[fewer == 0]):
        names = listed([str(sample) for sample in none.index])
        lines.append(f"{len(none)} samples lack values and have no prediction: {names}")
    if len(some := fewer[fewer > 0]):
        names = listed([f"{sample} ({n} of {predicted.shape[1]})" for sample, n in some.items()])
        lines.append(f"{len(some)} samples lack values and have predictions of some targets only: {names}")
    return lines


def _samples_by_genes(known: pd.Series, how: str, method: str = "") -> list[str]:
    """Of models on all genes: which samples have predictions though they lack some, and which have none."""
    lacking = known[known < 1].sort_values(kind="stable")
    poor = 100 * lacking < FEWEST_KNOWN
    lines = []
    if poor.any():
        names = listed([f"{sample} ({share:.1%})" for sample, share in lacking[poor].items()])
        lines.append(
            f"{poor.sum()} samples know under {FEWEST_KNOWN}% of the genes, no prediction{method}: {names}"
        )
    if not poor.all():
        lines.append(
            f"{(~poor).sum()} samples lack some genes and are predicted{method} {how} "
            f"({lacking[~poor].iloc[0]:.1%} or more)"
        )
    return lines
