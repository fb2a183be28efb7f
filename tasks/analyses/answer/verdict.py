"""Whether a target can be predicted, how sure that is, and where: judged from its evidence by fixed rules.

The rules are few and stated here, so that a page, a notebook and a list judge alike.
"""

import math
from dataclasses import dataclass

import numpy as np

from modeling.statistics.pooling import p_greater
from tasks.analyses.answer.evidence import Evidence, LineageScore, MethodScore

FDR = 0.05
WELL, PARTLY = 0.4, 0.2  # pooled r from which a target counts as well, and as partly, predictable
FEWEST_LINES = 15  # of a lineage whose r is judged and shown: with 14, even r = 0.5 may be 0
FEWEST_SHOWN = 5  # of a lineage whose mean and error are shown
FEWEST_DEPENDENT = 3  # lines of a lineage that depend, for "not shown there" to say anything
VARIES = 0.5  # of the sd over all lines: a lineage with less has little to predict

# What `Verdict.answer` may be, from best to none.
GOOD, FAIR, POOR = "well predictable", "partly predictable", "hardly predictable"
NOT_BEYOND = "not beyond a baseline"
NOT_SHOWN, NOT = "not shown to be predictable", "not predictable"
CONSTANT, TOO_FEW, FAILED, UNFINISHED = "constant", "too few lines", "failed", "not computed"
PREDICTABLE = (GOOD, FAIR, POOR)
WITHOUT_SCORE = {"constant_target": CONSTANT, "too_few_lines": TOO_FEW, "failed": FAILED}


@dataclass(frozen=True)
class Verdict:
    """A target judged by one method.

    `answer` is one of the constants of this module. `score` is that of the method judged, None where it has
    none. Lineages with `FEWEST_LINES` lines: `holds`, where prediction within the lineage is shown, highest r
    first; `fails`, where the effect varies and it is not shown, most lines first; `quiet`, where it hardly
    varies, most lines first.
    """

    answer: str
    evidence: Evidence
    score: MethodScore | None
    holds: tuple[LineageScore, ...] = ()
    fails: tuple[LineageScore, ...] = ()
    quiet: tuple[LineageScore, ...] = ()

    @property
    def predictable(self) -> bool:
        """Whether a prediction better than the baselines is shown."""
        return self.answer in PREDICTABLE


def judge(evidence: Evidence, method: str | None = None) -> Verdict:
    """The verdict on a target by one method; without one, by that of `chosen_score`.

    A prediction is shown where q < 0.05, and counts as more than a baseline where the 95% interval of its
    gain over the better one lies above 0.
    """
    score = chosen_score(evidence.scores, method)
    if score is None or math.isnan(score.pooled):
        return Verdict(_without_score(evidence, method), evidence, score)
    return Verdict(_answer(score), evidence, score, *_where(evidence))


def chosen_score(scores: tuple[MethodScore, ...], method: str | None = None) -> MethodScore | None:
    """The score of a method; without one, that with most folds done, of those with the highest pooled r."""
    if method is not None:
        return next((score for score in scores if score.method == method), None)
    key = [(-s.folds, math.inf if math.isnan(s.pooled) else -s.pooled, s.method) for s in scores]
    return scores[key.index(min(key))] if scores else None


def is_shown(lineage: LineageScore) -> bool:
    """Whether prediction is shown within a lineage: q < 0.05, and without any one line still p < 0.05."""
    if lineage.n < FEWEST_LINES or math.isnan(lineage.q) or math.isnan(lineage.without_one):
        return False
    without = p_greater(np.array([lineage.without_one]), np.array([lineage.n - 1]))[0]
    return bool(lineage.q < FDR and without < FDR)


def _without_score(evidence: Evidence, method: str | None) -> str:
    mine = [f.status for f in evidence.failures if method in (None, f.method)]
    return next((word for status, word in WITHOUT_SCORE.items() if status in mine), UNFINISHED)


def _answer(score: MethodScore) -> str:
    if not (score.pooled > 0 and (score.p if math.isnan(score.q) else score.q) < FDR):
        return NOT if score.high < PARTLY else NOT_SHOWN
    if (score.gain if math.isnan(score.gain_low) else score.gain_low) <= 0:
        return NOT_BEYOND
    return GOOD if score.pooled >= WELL else FAIR if score.pooled >= PARTLY else POOR


def _where(
    evidence: Evidence,
) -> tuple[tuple[LineageScore, ...], tuple[LineageScore, ...], tuple[LineageScore, ...]]:
    large = [lineage for lineage in evidence.lineages if lineage.n >= FEWEST_LINES]
    holds = [lineage for lineage in large if is_shown(lineage)]
    rest = [lineage for lineage in large if lineage not in holds]
    fails = [lineage for lineage in rest if _has_something_to_predict(lineage, evidence)]
    by_size = [sorted(part, key=lambda x: (-x.n, x.lineage)) for part in (fails, rest)]
    return (
        tuple(sorted(holds, key=lambda x: (-x.pearson, x.lineage))),
        tuple(by_size[0]),
        tuple(lineage for lineage in by_size[1] if lineage not in fails),
    )


def _has_something_to_predict(lineage: LineageScore, evidence: Evidence) -> bool:
    whole = evidence.selectivity
    if math.isnan(lineage.pearson) or whole is None:
        return False
    enough = lineage.dependent >= FEWEST_DEPENDENT or evidence.measure == "effect"
    return enough and lineage.sd >= VARIES * whole.sd
