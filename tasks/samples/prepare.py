"""From a table as it was given to log2(TPM+1), samples x genes of the models; what was done is said."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Float32, Int64

from modeling.likeness.matching import genes_matched, mean_quantiles, quantile_matched
from tasks.errors import BadInputError
from tasks.importing.findings import counts_rows
from tasks.importing.recognition.doubts import WHOLE_GENOME, doubt_about_total
from tasks.samples.fit import Reference
from tasks.samples.gene_ids import ENSEMBL, ENTREZ, GeneIndex, looks_like
from tasks.samples.orientation import ORIENTATIONS, SHOWN, Sided, columns_of_genes, sided
from tasks.samples.table import Table
from tasks.samples.units import (
    COUNTS,
    FEWEST_ABOVE,
    LINES_ABOVE,
    TPM,
    UNITS,
    UNKNOWN,
    Unit,
    counts_per_million,
    detect_unit,
    log2_of,
    strange_columns,
)

Matrix = Float32[np.ndarray, "samples genes"]
FEWEST_FOR_GENES = 30  # samples; matching each gene's distribution takes many, of many kinds


@dataclass(frozen=True)
class Reading:
    """How a table is to be taken: what the user says of it, and what is to be done.

    `unit` and `orientation` are "auto" where they are to be found out. `match`: quantile matching of each
    sample to the training lines; `match_genes`: then of each gene over the samples, too. `fill_missing`:
    training means for genes that are not known. `force`: score what would be refused.
    """

    unit: str = "auto"
    orientation: str = "auto"
    fill_missing: bool = False
    match: bool = False
    match_genes: bool = False
    force: bool = False


@dataclass(frozen=True, eq=False)
class Samples:
    """`values`: samples x genes of the models, log2(TPM+1), NaN where not known; `reference` over those.

    `filled` has training means where asked for; else it is `values`. `notes` say what was found out and done.
    `doubt`: why none of the samples is of the training lines' unit, "" where nothing says so.
    """

    values: pd.DataFrame
    filled: pd.DataFrame
    reference: Reference | None
    unit: str
    notes: tuple[str, ...]
    doubt: str = ""


def prepare(table: Table, index: GeneIndex, reference: Reference | None, reading: Reading) -> Samples:
    """Orientation, ids, duplicates, unit; conversion where it is sure.

    Raises BadInputError, with all problems: no gene of the models is found, samples or genes stand there
    twice, or the unit is none that can be scored (unless forced).
    """
    problems = _problems_of(reading, reference)
    made = sided(table, index, reading.orientation)
    if not any(made.found):
        raise BadInputError([*problems, _nothing_found(made, index)])
    place, merged, same = columns_of_genes(made)
    if reading.force:
        merged = [*merged, *(f"LOOK AGAIN: {each}; the one with the highest mean is scored" for each in same)]
    else:
        problems += [f"{table.file}: {problem}" for problem in same]
    problems += [f"{table.file}: {problem}" for problem in _twice(made.table.rows)]
    known = ~np.isnan(made.table.values).all(axis=0)
    over = None if reference is None else reference.over([gene for gene in place if known[place[gene]]])
    strange = strange_columns(made.table.values, list(place.values()))
    judged, columns = _without(made.table.values, strange, place)
    unit = _unit_of(judged, over, columns, reading)
    matched = reading.match or reading.match_genes
    if not reading.force and (unit.name == COUNTS or (unit.name == UNKNOWN and not matched)):
        problems.append(_refusal(table.file, unit))
    if matched and len(made.table.rows) < FEWEST_FOR_GENES and reading.match_genes:
        problems.append(
            f"--match-genes: {len(made.table.rows)} samples; it takes {FEWEST_FOR_GENES} at least, of many "
            "kinds: "
            "what all samples have in common is taken away"
        )
    if problems:
        raise BadInputError(problems)
    notes = [*table.notes, *made.notes, *merged, *_strange_notes(made, strange), *_unit_notes(unit, matched)]
    whole = _converted(made.table.values, unit)
    frame = pd.DataFrame(
        np.ascontiguousarray(whole[:, list(place.values())]),
        index=pd.Index(made.table.rows, name="sample"),
        columns=list(place),
    )
    if over is not None and matched:
        frame, more = _matched(frame, over, reading)
        notes += more
        over = replace(over, matched=True)
    filled, more = _filled(frame, reference if reading.fill_missing else None)
    return Samples(frame, filled, over, unit.name, (*notes, *more), "" if matched else unit.doubt)


def check_reading(reading: Reading) -> None:
    """Raise BadInputError, with all problems, for words that `Reading` does not know."""
    problems = []
    if reading.unit not in UNITS:
        problems.append(f"--unit {reading.unit}: expected one of {', '.join(UNITS)}")
    if reading.orientation not in ORIENTATIONS:
        problems.append(f"--orientation {reading.orientation}: expected one of {', '.join(ORIENTATIONS)}")
    if problems:
        raise BadInputError(problems)


def _problems_of(reading: Reading, reference: Reference | None) -> list[str]:
    check_reading(reading)
    problems = []
    needed = {"--match": reading.match or reading.match_genes, "--fill-missing": reading.fill_missing}
    problems += [
        f"{option}: needs the training lines' expression, which this store does not keep (its methods need "
        "none), and "
        "no Dataset of it lies where the run found it: put the Dataset back there"
        for option, asked in needed.items()
        if asked and reference is None
    ]
    return problems


def _twice(names: list[str]) -> list[str]:
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    shown = ", ".join(map(repr, twice[:SHOWN]))
    lines = [f"samples {shown} stand there more than once; give each its own name"] if twice else []
    return lines + (["a sample has no name; give every sample one"] if "" in names else [])


def _nothing_found(made: Sided, index: GeneIndex) -> str:
    wanted, given = (", ".join(map(repr, list(names)[:3])) for names in (index.by_label, made.labels))
    kind = looks_like(made.labels)
    hint = "; were they genes' names, rows could be genes as well (--orientation genes)"
    if counts_rows(made.labels):
        hint = "; these only count, and name no gene"
    elif kind in (ENSEMBL, ENTREZ):
        hint = (
            f"; these are {kind}s, and nothing here says which genes they are: give --gene-ids FILE, a "
            "table with "
            "symbol and id such as HGNC's hgnc_complete_set.txt"
        )
    return (
        f"{made.table.file}: none of the models' genes are known in these samples: columns must be gene "
        "symbols (such "
        f"as {wanted}; these are {given}){hint}"
    )


def _without(
    values: Matrix, left_out: Int64[np.ndarray, " some"], place: Mapping[str, int]
) -> tuple[Matrix, dict[str, int]]:
    """The values without some columns, none of which is in `place`, and where the others are then."""
    if not len(left_out):
        return values, dict(place)
    moved = {gene: column - int(np.searchsorted(left_out, column)) for gene, column in place.items()}
    return np.delete(values, left_out, axis=1), moved


def _strange_notes(made: Sided, strange: Int64[np.ndarray, " some"]) -> list[str]:
    if not len(strange):
        return []
    named = ", ".join(repr(made.table.columns[column]) for column in strange[:SHOWN])
    more = ", ..." if len(strange) > SHOWN else ""
    return [
        f"{len(strange)} columns are no genes of the models and hold what no log2(TPM+1) is ({named}{more}): "
        "the unit is judged without them"
    ]


def _unit_of(values: Matrix, over: Reference | None, place: Mapping[str, int], reading: Reading) -> Unit:
    if reading.unit != "auto":
        return Unit(reading.unit, "as --unit says")
    if over is None or not over.is_enough:
        return detect_unit(values)
    columns = [place[gene] for gene in over.genes]
    enough = len(columns) >= FEWEST_ABOVE and len(over.cell_lines) >= LINES_ABOVE
    is_panel = len(columns) < WHOLE_GENOME
    unit = detect_unit(
        values,
        lambda table: over.fits(np.ascontiguousarray(table[:, columns])),
        (lambda table: over.above(table[:, columns])) if enough else None,
        (lambda table: over.doubt_about_scale(np.ascontiguousarray(table[:, columns])))
        if enough and is_panel
        else None,
    )
    if unit.doubt and not is_panel and doubt_about_total(over.expression):
        return Unit(unit.name, "the training lines' values add up to as little or as much")
    return unit


def _refusal(file: str, unit: Unit) -> str:
    advice = {
        COUNTS: "--force scores them as counts per million",
        UNKNOWN: "--unit tpm, if they are TPM; --match gives each sample the training lines' distribution; "
        "--force scores them as they are",
    }[unit.name]
    return f"{file}: not log2(TPM+1), which models take: {unit.why} ({advice})"


def _unit_notes(unit: Unit, matched: bool) -> list[str]:
    if unit.doubt:
        then = (
            "each sample's order of values is all that counts, as they are matched"
            if matched
            else "scored as they are, and predictions may be far off: give log2(TPM+1), or take --match, or "
            "--match-genes with 30 samples of many kinds (--unit log2tpm, if they are it all the same)"
        )
        return [f"LOOK AGAIN: not log2(TPM+1), which models take ({unit.doubt}); {then}"]
    return [
        {
            TPM: f"unit: TPM ({unit.why}), converted to log2(TPM+1)",
            COUNTS: "LOOK AGAIN: read counts, scored as log2(counts per million + 1)",
            UNKNOWN: f"LOOK AGAIN: {unit.why}" + ("" if matched else "; scored as they are"),
        }.get(unit.name, f"unit: taken for log2(TPM+1) ({unit.why})")
    ]


def _converted(values: Matrix, unit: Unit) -> Matrix:
    """All the table's values as log2(TPM+1), as far as that can be."""
    if unit.name == COUNTS:
        return log2_of(counts_per_million(values))
    return log2_of(values) if unit.name == TPM else values


def _matched(frame: pd.DataFrame, over: Reference, reading: Reading) -> tuple[pd.DataFrame, list[str]]:
    """The lines' genes alone, with their distributions."""
    genes = list(over.genes)
    values = quantile_matched(frame[genes].to_numpy(), mean_quantiles(over.expression))
    notes = ["each sample's values are matched to the training lines' quantiles (--match)"]
    if reading.match_genes:
        values = genes_matched(values, over.expression)
        notes.append(
            "then each gene's over the samples (--match-genes): what all samples have in common is taken away"
        )
    return pd.DataFrame(values, index=frame.index, columns=genes), notes


def _filled(frame: pd.DataFrame, reference: Reference | None) -> tuple[pd.DataFrame, list[str]]:
    """With the training lines' mean where a gene is not known."""
    if reference is None:
        return frame, []
    filled = frame.reindex(columns=list(dict.fromkeys([*frame.columns, *reference.genes])))
    lacking = int(filled.isna().to_numpy().any(axis=0).sum())
    mean = pd.Series(
        reference.expression.mean(axis=0, dtype=np.float64).astype(np.float32), list(reference.genes)
    )
    filled = filled.fillna(mean)
    note = f"{lacking} genes that samples lack get their mean over the training lines (--fill-missing)"
    return filled, [note] if lacking else []
