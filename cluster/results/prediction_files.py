"""`knockcast predict`: from a file of samples to files of predictions, and in words what was done."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from cluster.formats import frame_bytes, to_bytes, write_frames
from cluster.outputs import cannot_write, check_files, followed, write_file
from cluster.results.long_table import long_blocks
from cluster.results.predict import (
    OnStep,
    Prediction,
    check_interval,
    methods_asked,
    no_step,
    predict_table,
    unfitted_targets,
)
from cluster.results.prediction_words import (
    flagged_in_words,
    what_intervals,
    what_is_missing,
    which_methods,
)
from cluster.results.reference import Known, known_of
from cluster.store.reader import StoreReader
from tasks.errors import BadInputError, Problems
from tasks.samples.gene_map import read_gene_map
from tasks.samples.prepare import Reading, check_reading, prepare
from tasks.samples.table import Table, read_table

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
    wrong: Sequence[str] = (),
) -> str:
    """Score a file of samples; write `out` and, beside it, samples' fit, targets' trust, missing genes.

    `out` is samples x targets, with the ends of an interval beside it where one is asked for; or, if `long`,
    the rows of `long_table`, with an interval of `INTERVAL` if no other is asked for. `method` as of
    `predict.predict_samples`, `reading` of `tasks.samples.prepare`. `wrong` is what the caller knows to be
    wrong already. Returns what was done. Raises BadInputError, with all that is wrong, for input that cannot
    be used, and for files that are there already unless forced, before anything is written.
    """
    interval = INTERVAL if long and interval is None else interval
    reading = reading or Reading()
    samples, targets, missing, *ends = (
        out.with_name(f"{out.stem}.{what}{out.suffix}")
        for what in ("samples", "targets", "missing", *(ENDS if interval is not None and not long else ()))
    )
    on_step(f"reading {expression.name}", 0.0)
    outs = (out, samples, targets, missing, *ends)
    table, reader, known = _inputs(store, expression, outs, method, interval, reading, gene_map, wrong)
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
            *made.model_notes,
            *what_intervals(made, [out] if long else ends),
            *which_methods(made, targets.name),
            *what_is_missing(made, unfitted_targets(reader, made), targets.name),
        ]
    )


def _inputs(
    store: str,
    expression: Path,
    outs: tuple[Path, ...],
    method: str | None,
    interval: float | None,
    reading: Reading,
    gene_map: Path | None,
    wrong: Sequence[str],
) -> tuple[Table, StoreReader, Known]:
    """The samples, the store and what it knows. Raises BadInputError with what is wrong with any of it."""
    problems = Problems([*wrong])
    problems.of(lambda: check_interval(interval), None)
    problems.of(lambda: check_reading(reading), None)
    problems.of(lambda: check_outs(expression, outs, reading.force), None)
    table = problems.of(lambda: read_table(expression), None)
    given = None if gene_map is None else problems.of(lambda: read_gene_map(gene_map), None)
    reader = problems.of(lambda: StoreReader.open(store), None)
    if reader is not None:
        problems.of(lambda: methods_asked(reader, method), tuple[str, ...]())
    known = None if reader is None else known_of(reader, given)
    if problems.found and table is not None and known is not None:  # what is wrong with the samples, too
        problems.of(lambda: prepare(table, known.index, known.reference, reading), None)
    if problems.found or table is None or reader is None or known is None:
        raise BadInputError(list(dict.fromkeys(problems.found)))
    return table, reader, known


def check_outs(expression: Path, outs: tuple[Path, ...], force: bool) -> None:
    """Raise BadInputError, with every problem, unless these files can be written.

    `outs`: the first is the one the user named. None may be the samples themselves, or be there already
    unless forced.
    """
    check_files("--out", *outs, endings=ENDINGS)
    problems = [
        f"--out {outs[0]}: {path} would be written over the samples; choose another name"
        for path in outs
        if followed(path) == followed(expression)
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
