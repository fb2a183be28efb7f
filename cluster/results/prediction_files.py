"""`knockcast predict`: from a file of samples to files of predictions, and in words what is not predicted."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from cluster.formats import frame_bytes, to_bytes, write_frames
from cluster.outputs import cannot_write, check_files, write_file
from cluster.results.long_table import long_blocks
from cluster.results.predict import (
    OnStep,
    Prediction,
    check_interval,
    listed,
    no_step,
    predict_table,
    unfitted_targets,
)
from cluster.results.reference import known_of
from cluster.store.reader import StoreReader
from tasks.errors import BadInputError
from tasks.methods.registry import method_named
from tasks.samples.prepare import Reading
from tasks.samples.table import read_table
from tasks.scoring.all_genes import FEWEST_KNOWN

ENDINGS = (".csv", ".parquet")
ENDS = ("low", "high")  # of an interval: fields of a Prediction, and what files of them are called
INTERVAL = 0.9  # of the long table, where none is asked for


def predict_file(
    store: str,
    expression: Path,
    out: Path,
    method: str | None = None,
    interval: float | None = None,
    long: bool = False,
    reading: Reading | None = None,
    gene_map: Path | None = None,
    on_step: OnStep = no_step,
) -> str:
    """Score a file of samples; write `out` and, beside it, samples' fit, targets' trust, missing genes.

    `out` is samples x targets, with the ends of an interval beside it where one is asked for; or, if `long`,
    the rows of `long_table`, with an interval of `INTERVAL` if no other is asked for. `method` as of
    `predict.predict_samples`, `reading` of `tasks.samples.prepare`. Returns what was done. Raises
    BadInputError for input that cannot be used, and for files that are there already unless forced, before
    anything is written.
    """
    interval = INTERVAL if long and interval is None else interval
    check_interval(interval)
    reading = reading or Reading()
    samples, targets, missing, *ends = (
        out.with_name(f"{out.stem}.{what}{out.suffix}")
        for what in ("samples", "targets", "missing", *(ENDS if interval is not None and not long else ()))
    )
    check_outs(expression, (out, samples, targets, missing, *ends), reading.force)
    on_step(f"reading {expression.name}", 0.0)
    table = read_table(expression)
    reader = StoreReader.open(store)
    known = known_of(reader, gene_map)
    made = predict_table(reader, table, method, interval, reading, known, on_step)
    on_step("writing", 0.8)
    if long:
        _write_long(out, made)
    else:
        frames = (made.predicted, *(getattr(made, end) for end in ENDS[: len(ends)]))
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(_write_wide, (out, *ends), frames))
    write(samples, made.samples)
    write(targets, made.trust)
    write(missing, made.missing)  # if empty, too: an older one would tell of other samples
    on_step("done", 1.0)
    return "\n".join(
        [
            f"{out}: {made.predicted.shape[0]} samples x {made.predicted.shape[1]} targets ({made.method})"
            + (", a row for each prediction, each sample's strongest dependency first" if long else ""),
            f"{samples}: how well each sample fits the training lines; {flagged_in_words(made.samples)}",
            f"{targets}: each target's model, out-of-fold scores and residual quantiles",
            f"{missing}: {len(made.missing)} genes that the models need and some sample lacks",
            *(f"{expression.name}: {note}" for note in made.notes),
            *what_intervals(made, [out] if long else ends),
            *which_methods(made, targets.name),
            *what_is_missing(made, unfitted_targets(reader, made), targets.name),
        ]
    )


def flagged_in_words(samples: pd.DataFrame) -> str:
    """How many samples are flagged, and the first of them with why."""
    flagged = samples[samples["flagged"]]
    if flagged.empty:
        return "none is flagged"
    first = flagged.iloc[0]
    return (
        f"LOOK AGAIN: {len(flagged)} of {len(samples)} are flagged, as {first['sample']} ({first['why']}): "
        "do not take "
        "their predictions for more than guesses"
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


def check_outs(expression: Path, outs: tuple[Path, ...], force: bool) -> None:
    """Raise BadInputError, with every problem, unless these files can be written.

    `outs`: the first is the one the user named. None may be the samples themselves, or be there already
    unless forced.
    """
    check_files("--out", *outs, endings=ENDINGS)
    problems = [
        f"--out {outs[0]}: {path} would be written over the samples; choose another name"
        for path in outs
        if path.resolve() == expression.resolve()
    ]
    there = [] if force else [path.name for path in outs if path.is_file()]
    if there and not problems:
        problems = [
            f"--out {outs[0]}: {', '.join(there)} {'is' if len(there) == 1 else 'are'} there already: "
            "choose another "
            "name, or --force to write over"
        ]
    if problems:
        raise BadInputError(problems)


def write(path: Path, frame: pd.DataFrame) -> None:
    """A table as its file's name says, .csv or .parquet. BadInputError where it cannot be written."""
    write_file("--out", path, frame_bytes(frame, path.suffix.lstrip(".")))


def _write_wide(path: Path, frame: pd.DataFrame) -> None:
    """Samples x targets, the samples first. By hand: pandas takes seconds for a genome's columns."""
    columns = np.ascontiguousarray(frame.to_numpy().T)
    arrays = [pa.array(frame.index), *(pa.array(column, from_pandas=True) for column in columns)]
    table = pa.table(arrays, names=[frame.index.name, *frame.columns])
    write_file("--out", path, to_bytes(table, path.suffix.lstrip(".")))


def _write_long(path: Path, made: Prediction) -> None:
    """The long table, block by block: a genome's is larger than the memory."""
    try:
        with path.open("wb") as sink:
            write_frames(sink, path.suffix.lstrip("."), long_blocks(made))
    except OSError as error:
        raise cannot_write("--out", path, error) from None


def which_methods(made: Prediction, trust: str) -> list[str]:
    """Of several methods: how many targets each predicts, and where one stands in for another."""
    if len(made.methods) == 1:
        return []
    rows = made.trust[made.trust["target"].isin(made.predicted.columns)]
    counts = rows["method"].value_counts()
    lines = [
        "each target by the method with the highest out-of-fold r (pearson_pooled): "
        + ", ".join(f"{counts.get(name, 0)} by {name}" for name in made.methods)
    ]
    other = rows.loc[(rows["instead_of"] != "") | (rows["samples_by_other"] > 0), "target"]
    if len(other):
        lines.append(
            f"{len(other)} targets are predicted by another method for samples that lack genes of the best "
            f"one's model (instead_of, samples_by_other in {trust}): {listed(other.tolist())}"
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
    if any(method.predicts_from == "modifiers" for method in ways.values()):
        lines += _samples_by_targets(made.predicted.drop(columns=lacking))
    for name, known in made.known_of.items():
        if ways[name].predicts_from != "modifiers":
            whose = "" if len(ways) == 1 else f" by {name}"
            lines += _samples_by_genes(known, ways[name].unknown_genes, whose)
    return lines


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
            "training lines, "
            f"whatever the sample ({why}; train_mean in {trust})"
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
