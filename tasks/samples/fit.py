"""How well each sample fits the training lines, in a table and in words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float32, Float64

from modeling.likeness.limits import FEWEST_LINES, STATISTICS, Limits, limits_of
from modeling.likeness.lines import Lines, lines_of
from modeling.likeness.matching import mean_quantiles, quantile_matched
from modeling.likeness.statistics import Comparison, compare, compare_left_out
from modeling.likeness.together import FEWEST as FEWEST_TOGETHER
from modeling.likeness.together import off_scale
from tasks.samples.units import FEWEST_GENES, UNLOGGED, is_negative, is_unlogged, negative_share

_FLAT = 0.2  # spread: no logarithm makes it so small (decimal: 0.30)
_UNRELATED = 4.0  # scatter for each unit of spread; 0.6 in lines, 1.4 in tumours of another unit
SAME = 0.999  # of `nearest_r`: the line itself, rounded or not
_TOGETHER = {
    "level": "values differ by {:+.2f} from similar lines'",
    "spread": "genes differ {:.2f} times as much as in similar lines",
    "absent": "a share of {:.2f} more of the genes is at 0 than in similar lines",
}
_NAMED = 5  # samples of a list
_OTHER_GENES = "noise, another protocol, or names that belong to other genes?"
COLUMNS = (
    "sample",
    "nearest_line",
    "nearest_lineage",
    "nearest_r",
    "known_share",
    "outside_share",
    "flagged",
    "why",
)


@dataclass(frozen=True, eq=False)
class Reference:
    """The training lines that samples are compared with: log2(TPM+1), nothing missing.

    `lineages` are "" where they are not known. `matched`: samples are quantile matched before they are
    compared, so limits are those of lines treated alike.
    """

    cell_lines: Sequence[str]
    lineages: Sequence[str]
    genes: Sequence[str]
    expression: Float32[np.ndarray, "lines genes"]
    matched: bool = False

    def over(self, genes: Sequence[str]) -> "Reference":
        """The same over those of its genes that are among the given ones, in its own order."""
        wanted = set(genes)
        kept = [place for place, gene in enumerate(self.genes) if gene in wanted]
        named = [self.genes[place] for place in kept]
        whole = len(kept) == len(self.genes)
        expression = np.ascontiguousarray(self.expression if whole else self.expression[:, kept])
        return Reference(self.cell_lines, self.lineages, named, expression)

    @property
    def is_enough(self) -> bool:
        """Whether there are lines and genes enough to compare with."""
        return len(self.cell_lines) >= FEWEST_LINES and len(self.genes) >= FEWEST_GENES

    @cached_property
    def lines(self) -> Lines:
        """The lines, ready for comparisons."""
        return lines_of(self.expression)

    @cached_property
    def compared(self) -> Comparison:
        """Each line against all others."""
        return compare_left_out(self.lines)

    @cached_property
    def limits(self) -> Limits:
        """The limits that each line, compared with all others, sets."""
        if not self.matched:
            return limits_of(self.compared)
        alike = quantile_matched(self.expression, mean_quantiles(self.expression))
        limits = limits_of(compare_left_out(self.lines, alike))
        return replace(limits, most_absent=np.inf)  # matching leaves none at 0 where values are equal

    def fits(self, values: Float32[np.ndarray, "samples genes"]) -> Bool[np.ndarray, " samples"]:
        """Which samples (columns as `genes`) are not flagged."""
        fits = np.zeros(len(values), dtype=bool)
        known = _known_enough(values)
        if known.any():
            fits[known] = ~self.limits.exceeded(compare(values[known], self.lines)).any(axis=1)
        return fits

    def doubt_about_scale(self, values: Float32[np.ndarray, "samples genes"]) -> str:
        """What samples (columns as `genes`) together say against log2(TPM+1); "" where nothing does.

        See `modeling.likeness.together`.
        """
        known = _known_enough(values)
        if known.sum() < FEWEST_TOGETHER:
            return ""
        compared = compare(values[known], self.lines)
        fits = np.asarray(~self.limits.exceeded(compared).any(axis=1))
        return "; ".join(
            f"{_TOGETHER[each.name].format(each.middle)} (median of the samples; lines: {each.low:.2f} to "
            f"{each.high:.2f})"
            for each in off_scale(compared, self.compared, fits)
        )

    def above(self, values: Float32[np.ndarray, "samples genes"]) -> Float64[np.ndarray, " samples"]:
        """The share of each sample's known genes (columns as `genes`) above the highest line's; 0 of none."""
        count = (~np.isnan(values)).sum(axis=1)
        return np.asarray((values > self.expression.max(axis=0)).sum(axis=1) / np.maximum(count, 1))


def fit_table(samples: pd.DataFrame, reference: Reference | None, doubt: str = "") -> pd.DataFrame:
    """One row per sample, as `COLUMNS`: its nearest training line, and whether and why it is flagged.

    `known_share` is left for `with_known_share`.

    `samples` are as they are scored: samples x genes, log2(TPM+1), NaN where not known. `nearest_r` and the
    flags are those of `modeling.likeness`; null where there is nothing to compare with. `reference` must be
    over genes that the samples have columns of. `why` gives the reasons of a flag: a sample's own, or the
    `doubt` about all of them.
    """
    values = samples.to_numpy(dtype=np.float32)
    reasons: list[list[str]] = _of_values(values)
    table = pd.DataFrame(
        {
            "sample": [str(name) for name in samples.index],
            "nearest_line": pd.array([None] * len(samples), dtype="str"),
            "nearest_lineage": pd.array([None] * len(samples), dtype="str"),
            "nearest_r": np.nan,
            "known_share": np.nan,
            "outside_share": np.nan,
        }
    )
    if reference is not None and reference.is_enough:
        _compare(table, reasons, samples[list(reference.genes)].to_numpy(dtype=np.float32), reference)
    if doubt:
        reasons = [own or [f"its file is not log2(TPM+1): {doubt}"] for own in reasons]
    table["flagged"] = [bool(why) for why in reasons]
    table["why"] = ["; ".join(why) for why in reasons]
    return table[list(COLUMNS)]


def learned_from(fit: pd.DataFrame) -> list[str]:
    """What to say of samples that are lines the models learned from; nothing where none is."""
    same = fit.loc[fit["nearest_r"] > SAME, "sample"].tolist()
    if not same:
        return []
    named = ", ".join(same[:_NAMED]) + (", ..." if len(same) > _NAMED else "")
    return [
        f"LOOK AGAIN: the models learned from {len(same)} of the samples ({named}): these numbers are fits, "
        "and closer to what was measured than a prediction. The store's table `predictions` has those of "
        "models that did not see them"
    ]


def with_known_share(fit: pd.DataFrame, share: Float64[np.ndarray, " samples"]) -> pd.DataFrame:
    """The table with the share of the models' genes that each sample knows, in 0..1."""
    return fit.assign(known_share=np.round(share, 6))


def _compare(
    table: pd.DataFrame,
    reasons: list[list[str]],
    values: Float32[np.ndarray, "samples genes"],
    reference: Reference,
) -> None:
    """Fill in what comparing says, in place."""
    known = _known_enough(values)
    for row in np.flatnonzero(~known):
        count = int((~np.isnan(values[row])).sum())
        reasons[row].append(f"knows {count} of {values.shape[1]} genes: too few to compare it")
    if not known.any():
        return
    rows = np.flatnonzero(known)
    compared = compare(values[known], reference.lines)
    best, r = compared.nearest, compared.nearest_r
    told = np.flatnonzero(r != 0)  # a sample without variation is near to none
    table.loc[rows[told], "nearest_line"] = [reference.cell_lines[line] for line in best[told]]
    table.loc[rows[told], "nearest_lineage"] = [reference.lineages[line] or None for line in best[told]]
    table.loc[rows, "nearest_r"] = np.round(r, 4)
    table.loc[rows, "outside_share"] = np.round(compared.outside, 6)
    exceeded = reference.limits.exceeded(compared)
    for place in np.flatnonzero(exceeded.any(axis=1)):
        row = rows[place]
        if not reasons[row]:  # of what all its values say, the statistics only follow
            reasons[row].extend(_in_words(exceeded[place], compared, int(place), reference.limits))


def _known_enough(values: Float32[np.ndarray, "samples genes"]) -> Bool[np.ndarray, " samples"]:
    return np.asarray((~np.isnan(values)).sum(axis=1) >= FEWEST_GENES)


def _of_values(values: Float32[np.ndarray, "samples genes"]) -> list[list[str]]:
    """What each sample's values say without any comparison."""
    reasons: list[list[str]] = [[] for _ in values]
    low, high = np.nanmin(values, axis=1, initial=np.inf), np.nanmax(values, axis=1, initial=-np.inf)
    several = (~np.isnan(values)).sum(axis=1) > 1
    for row in np.flatnonzero((low == high) & several):
        reasons[row].append(f"all its values are {low[row]:g}")
    for row in np.flatnonzero(is_negative(values)):
        share = negative_share(values[row : row + 1])[0]
        reasons[row].append(f"{share:.0%} of its values are below 0, which log2(TPM+1) never is")
    for row in np.flatnonzero(is_unlogged(values)):
        reasons[row].append(f"values up to {high[row]:.4g}, above {UNLOGGED:g}: no log2(TPM+1)")
    return reasons


def _in_words(
    exceeded: Bool[np.ndarray, " seven"], compared: Comparison, row: int, limits: Limits
) -> list[str]:
    """The reasons of one sample that is beyond some limit, the strangest first."""
    strange = limits.strangeness(compared)[row]
    level, spread, scatter = (getattr(compared, name)[row] for name in ("level", "spread", "scatter"))
    if spread < _FLAT or scatter > _UNRELATED * spread:
        return [f"its genes are not high and low where those of training lines are: {_OTHER_GENES}"]
    words = {
        "nearest_r": f"like no training line (r {compared.nearest_r[row]:.2f} with the nearest)",
        "outside": f"{compared.outside[row]:.1%} of its genes are outside the training lines' range",
        "level": f"values are {abs(level):.2f} {'above' if level > 0 else 'below'} similar lines': shifted?",
        "spread": f"genes differ {spread:.2f} times as much as in similar lines: multiplied, or another "
        "logarithm (natural: 0.69, decimal: 0.30)?",
        "scatter": f"genes scatter by {scatter:.2f} about those of similar lines: {_OTHER_GENES}",
        "absent": f"{compared.absent[row]:.0%} more of its genes are at 0 than in similar lines: shifted and "
        "cut off there, or sequenced too shallowly?",
        "together": "its level, spread, scatter and similarity do not go together as in training lines",
    }
    order = [name for _, name in sorted(zip(-strange, STATISTICS, strict=True))]
    named = [name for name in order if exceeded[STATISTICS.index(name)]]
    alone = [name for name in named if name != "together"]
    return [words[name] for name in alone or named]
