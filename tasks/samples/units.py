"""What unit expression is in: log2(TPM+1), which models take, TPM, read counts, or something else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from tasks.importing.recognition.doubts import TOTALS, WHOLE_GENOME, doubt_about_total

LOG2TPM, TPM, COUNTS, UNKNOWN = "log2tpm", "tpm", "counts", "unknown"
UNITS = ("auto", TPM, LOG2TPM, COUNTS)
FEWEST_GENES = 20  # with fewer, nothing can be said of a profile
UNLOGGED = 30.0  # log2 of the largest TPM possible is about 20
MILLION = 1e6  # what TPM of all genes add up to
_INTEGERS = 0.999  # of the values that are not 0
_NEGATIVE = 0.01  # of a sample's values: fewer may be noise about 0
_STRANGE = 0.1  # of as many columns as there are genes of the models: more may be genes in another unit
_MOST = 0.5  # of the samples: what more say, the file says
# Of a panel's genes, more than this above the highest of all training lines are certainly of another unit.
# Never more than 0.28 were in real samples of lineages that the lines lacked, on panels of genes chosen for
# being high in that lineage or even in that sample (docs/predict.md). With fewer genes or lines it happens.
MOST_ABOVE = 0.3
FEWEST_ABOVE = 50  # genes
LINES_ABOVE = 150

Fits = Callable[[Float32[np.ndarray, "samples genes"]], Bool[np.ndarray, " samples"]]
Scale = Callable[[Float32[np.ndarray, "samples genes"]], str]
Above = Callable[[Float32[np.ndarray, "samples genes"]], Float64[np.ndarray, " samples"]]


@dataclass(frozen=True)
class Unit:
    """`name` is `LOG2TPM`, `TPM`, `COUNTS` or `UNKNOWN`; `why` says by what, or what is wrong.

    `doubt`: why values that are scored as log2(TPM+1) are none, "" where nothing says so.
    """

    name: str
    why: str
    doubt: str = ""


def detect_unit(
    values: Float32[np.ndarray, "samples genes"],
    fits: Fits | None = None,
    above: Above | None = None,
    scale: Scale | None = None,
) -> Unit:
    """The unit that more than half of the samples show; NaN is not known.

    `fits` says which samples, given as log2(TPM+1), are like the training lines: it tells TPM from other
    units without logarithm where not all genes are there to add up to a million. Of a whole genome, what the
    values add up to is a doubt about log2(TPM+1); of a panel, a sum that no genes have, or that too many
    genes are `above` all training lines (the share of each sample's), or what `scale` says of all samples.
    """
    if values.shape[1] < FEWEST_GENES:
        return Unit(LOG2TPM, f"{values.shape[1]} genes are too few to tell")
    unlogged, negative = is_unlogged(values), is_negative(values)
    if negative.mean() > _MOST:
        return Unit(
            UNKNOWN,
            "values below 0, which log2(TPM+1) never is: z-scores, differences, or a logarithm without + 1?",
        )
    if unlogged.mean() <= _MOST:
        return _logged(values[~unlogged], above, scale)
    if _are_integers(values[unlogged]):
        return Unit(
            COUNTS,
            "integers without logarithm: read counts, which become TPM only with the genes' lengths; give "
            "TPM",
        )
    return _without_logarithm(values, values[unlogged], fits)


def _logged(values: Float32[np.ndarray, "some genes"], above: Above | None, scale: Scale | None) -> Unit:
    """log2(TPM+1), with what speaks against it."""
    why = "no value is above what log2(TPM+1) can be"
    genes = int(np.median((~np.isnan(values)).sum(axis=1)))
    if genes >= WHOLE_GENOME:
        if total := doubt_about_total(values, "sample"):
            return Unit(LOG2TPM, why, f"2^x - 1 adds up to {total}")
        return Unit(LOG2TPM, why, "" if scale is None else scale(values))
    why += f"; {genes} genes are too few to be sure: only TPM of a whole genome add up to a million"
    sums = np.nansum(np.expm1(values.astype(np.float64) * np.log(2)), axis=1)
    if (most := float(np.median(sums))) > TOTALS[1]:
        return Unit(LOG2TPM, why, f"2^x - 1 of {genes} genes adds up to {most:.3g}, TPM of all to a million")
    if above is not None and (share := float(np.median(above(values)))) > MOST_ABOVE:
        doubt = f"{share:.0%} of a sample's genes are above the highest training line's"
        return Unit(LOG2TPM, why, doubt)
    return Unit(LOG2TPM, why, "" if scale is None else scale(values))


def _without_logarithm(
    values: Float32[np.ndarray, "samples genes"],
    unlogged: Float32[np.ndarray, "some genes"],
    fits: Fits | None,
) -> Unit:
    """TPM, by what each sample adds up to or by its likeness to the lines, or not known."""
    total = np.nansum(unlogged.astype(np.float64), axis=1)
    if np.mean(np.abs(total / MILLION - 1) < 0.01) > _MOST:
        return Unit(TPM, "values without logarithm that add up to a million in each sample")
    if total.max() <= 1.01 * MILLION and fits is not None and fits(log2_of(values)).mean() > _MOST:
        return Unit(TPM, "values without logarithm that are like the training lines as log2(TPM+1)")
    return Unit(
        UNKNOWN,
        "values without logarithm that need not be TPM: they do not add up to a million"
        + ("" if fits is None else " and are unlike the training lines' as log2(TPM+1)")
        + " (FPKM, RSEM, normalised counts?)",
    )


def log2_of(tpm: Float32[np.ndarray, "samples genes"]) -> Float32[np.ndarray, "samples genes"]:
    """log2(TPM+1); values below 0 become NaN."""
    return np.log2(np.where(tpm < 0, np.nan, tpm) + np.float32(1)).astype(np.float32)


def counts_per_million(counts: Float32[np.ndarray, "samples genes"]) -> Float32[np.ndarray, "samples genes"]:
    """Counts scaled to a million a sample: not TPM, as long genes count for more."""
    total = np.nansum(counts.astype(np.float64), axis=1, keepdims=True)
    return (counts * np.divide(MILLION, total, out=np.zeros_like(total), where=total > 0)).astype(np.float32)


def strange_columns(
    values: Float32[np.ndarray, "samples columns"], genes: Sequence[int]
) -> Int64[np.ndarray, " strange"]:
    """Columns that hold what no log2(TPM+1) is, while the models' genes (positions) beside them do not.

    They are likely no genes: an age, a purity. Empty where the models' genes show another unit themselves,
    are too few to tell, or so many columns are strange that they may be genes in another unit.
    """
    known = values[:, np.asarray(genes, dtype=np.int64)]
    if known.shape[1] < FEWEST_GENES or is_unlogged(known).any() or is_negative(known).any():
        return np.empty(0, dtype=np.int64)
    beyond = (np.nanmax(values, axis=0, initial=-np.inf) > UNLOGGED) | (values < 0).any(axis=0)
    beyond[np.asarray(genes, dtype=np.int64)] = False
    strange = np.flatnonzero(beyond)
    return strange if len(strange) <= _STRANGE * known.shape[1] else strange[:0]


def is_unlogged(values: Float32[np.ndarray, "samples genes"]) -> Bool[np.ndarray, " samples"]:
    """Which samples have a value that no log2(TPM+1) has."""
    return np.nanmax(values, axis=1, initial=-np.inf) > UNLOGGED


def is_negative(values: Float32[np.ndarray, "samples genes"]) -> Bool[np.ndarray, " samples"]:
    """Which samples have more than a few values below 0."""
    return negative_share(values) > _NEGATIVE


def negative_share(values: Float32[np.ndarray, "samples genes"]) -> Float64[np.ndarray, " samples"]:
    """The share of known values that are below 0."""
    return (values < 0).sum(axis=1) / np.maximum((~np.isnan(values)).sum(axis=1), 1)


def _are_integers(values: Float32[np.ndarray, "samples genes"]) -> bool:
    counted = values[np.isfinite(values) & (values != 0)]
    return bool(len(counted)) and float(np.mean(counted == np.round(counted))) >= _INTEGERS
