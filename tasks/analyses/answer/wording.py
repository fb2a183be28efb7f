"""A verdict as three sentences of plain English, and numbers as people round them."""

import math
from collections.abc import Sequence

from tasks.analyses.answer import verdict as v
from tasks.analyses.answer.evidence import LineageScore, MethodScore, Modifier
from tasks.analyses.answer.relations import SELF
from tasks.analyses.answer.verdict import Verdict

NAMED = 3  # modifiers and lineages that a sentence names, at most
FEW_LINES = 10  # that depend: fewer carry an r that another screen may not show
FEW_SHARE = 0.05  # of all lines, likewise
SMALLEST_Q = 1e-10  # below it, a q from lines that are not independent says no more


def sentences(verdict: Verdict) -> tuple[str, str, str]:
    """Whether it is predictable and how sure that is; by what; where, and what the lineage alone gives."""
    if verdict.score is None or math.isnan(verdict.score.pooled):
        return _without_score(verdict)
    return _whether(verdict, verdict.score), _by_what(verdict, verdict.score), _where(verdict, verdict.score)


def number(value: float, digits: int = 2) -> str:
    """A rounded number with a true minus; "?" where it is not known."""
    if math.isnan(value):
        return "?"
    text = f"{value:.{digits}f}"
    return text.replace("-", "" if float(text) == 0 else "−")


def q_text(q: float) -> str:
    """`q 0.03`, `q 2e-05`, `q < 1e-10`."""
    if math.isnan(q):
        return "q not known"
    return f"q < {SMALLEST_Q:.0e}" if q < SMALLEST_Q else f"q {q:.2g}"


def listed(parts: Sequence[str]) -> str:
    """`A`, `A and B`, `A, B and C`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _whether(verdict: Verdict, score: MethodScore) -> str:
    target, answer = verdict.evidence.target, verdict.answer
    found = (
        f"r {number(score.pooled)} (95% interval {number(score.low)} to {number(score.high)}, "
        f"{q_text(score.q)})"
    )
    lines = f"{score.n} cell lines that the models had not seen"
    if answer in v.PREDICTABLE:
        explained = max(0.0, 1 - (score.rmse / score.rmse_mean) ** 2) if score.rmse_mean else 0.0
        text = (
            f"{target} is {answer}: on {lines}, prediction and measurement correlate with {found}, which is "
            f"{explained:.0%} of the variance"
        )
    elif answer == v.NOT_BEYOND:
        text = f"{target} {_no_better(score)}: on {lines}, {found}"
    elif answer == v.NOT_SHOWN:
        text = f"{target} is not shown to be predictable: {found} on {lines}, too few to tell"
    else:
        text = f"{target} is not predictable from expression: {found} on {lines}"
    return f"{_so_far(score)}{text}{_caution(verdict)}."


def _no_better(score: MethodScore) -> str:
    """How a prediction compares with the baseline that it is no better than."""
    how = "can be predicted, but" if score.pooled >= v.PARTLY else "is hardly predictable, and"
    worse = "worse" if score.gain_high < 0 else "no better"
    base, r = "its own expression", score.own
    if score.baseline != "own":
        base, r = "its lineage", score.lineage
    return f"{how} {worse} than by {base} alone (r {number(r)})"


def _so_far(score: MethodScore) -> str:
    return "" if score.folds >= score.of_folds else f"So far ({score.folds} of {score.of_folds} folds): "


def _caution(verdict: Verdict) -> str:
    """What makes the number less than it looks; empty where nothing does."""
    whole = verdict.evidence.selectivity
    if whole is None:
        return ""
    if whole.dependent == 0 and verdict.answer not in v.PREDICTABLE:
        return "; no line depends on it" + (
            f", and its effect hardly varies (sd {number(whole.sd)})" if whole.sd < 0.1 else ""
        )
    if 0 < whole.dependent < min(FEW_LINES, FEW_SHARE * whole.n):
        few = "one line" if whole.dependent == 1 else f"{whole.dependent} lines"
        return f"; only {few} of {whole.n} depend on it, so all rests on those"
    if whole.sd < 0.1:
        return f"; its effect hardly varies (sd {number(whole.sd)}), so there is little to predict"
    return ""


def _by_what(verdict: Verdict, score: MethodScore) -> str:
    directed = [m for m in verdict.evidence.modifiers if m.direction]
    # A gene that alone goes the other way counts only beside the others: the table has it, no sentence.
    modifiers = [m for m in directed if not m.turned] or directed
    if not modifiers:
        return "No gene was found whose expression goes with it."
    if verdict.answer in (v.NOT, v.NOT_SHOWN):
        first = listed([m.gene for m in modifiers[:NAMED]])
        return f"{first} came first among the genes, which means nothing without a prediction."
    named = _first_of_kind(modifiers, score.of_folds)
    text = f"It is needed more where {_conditions(named)}"
    if named[0].folds:
        text += f" (chosen in {_folds(named, score)})"
    elif verdict.evidence.on_all_genes:
        text += " (what the prediction, made from all genes, follows: correlation, not cause)"
    if verdict.answer == v.NOT_BEYOND and score.baseline == "lineage":
        text += ", which may be no more than marks of the lineage"
    return f"{text}{_partners(verdict, named)}."


def _partners(verdict: Verdict, named: Sequence[Modifier]) -> str:
    """Related genes that the sentence has not named yet."""
    others = [m for m in verdict.evidence.modifiers if m not in named and _kind(m) in (SELF, "paralog")]
    if not others:
        return ""
    first = others[0]
    what = "its own expression" if _kind(first) == SELF else f"its paralog {first.gene}"
    return f"; {what} counts, too ({first.direction})" if first.direction else ""


def _first_of_kind(modifiers: Sequence[Modifier], of_folds: int) -> list[Modifier]:
    """The first few: those that half of the folds chose (or the very first), or all followed."""
    first = modifiers[0]
    if not first.folds:
        return list(modifiers[:NAMED])
    return [first, *(m for m in modifiers[1:NAMED] if m.folds * 2 >= of_folds)]


def _folds(named: Sequence[Modifier], score: MethodScore) -> str:
    counts = [modifier.folds for modifier in named]
    if min(counts) == score.of_folds:
        return f"all {score.of_folds} folds"
    shown = str(counts[0]) if len(set(counts)) == 1 else listed([str(count) for count in counts])
    return f"{shown} of {score.of_folds} folds"


def _conditions(modifiers: Sequence[Modifier]) -> str:
    """`AXIN2 and RNF43 are high and its paralog SMARCA4 is low`."""
    parts = []
    for direction in dict.fromkeys(m.direction for m in modifiers):
        names = [_named(m) for m in modifiers if m.direction == direction]
        parts.append(f"{listed(names)} {'is' if len(names) == 1 else 'are'} {direction}")
    return listed(parts)


def _named(modifier: Modifier) -> str:
    kind = _kind(modifier)
    if kind == SELF:
        return "its own expression"
    return f"its paralog {modifier.gene}" if kind == "paralog" else modifier.gene


def _kind(modifier: Modifier) -> str:
    return modifier.relations[0].kind if modifier.relations else ""


def _where(verdict: Verdict, score: MethodScore) -> str:
    parts = [*_within(verdict), _baselines(verdict, score)]
    text = "; ".join(part for part in parts if part)
    return f"{text[0].upper()}{text[1:]}."


def _within(verdict: Verdict) -> list[str]:
    tested = len(verdict.holds) + len(verdict.fails)
    if not verdict.evidence.lineages:
        return ["per lineage nothing is known"]
    if not tested:
        quiet = "hardly varies within any lineage of enough lines"
        return [f"its effect {quiet}" if verdict.quiet else "no lineage has lines enough to look within it"]
    parts = []
    if verdict.holds:
        parts.append(
            f"within lineages the prediction holds in {len(verdict.holds)} of {tested}"
            f"{', best' if len(verdict.holds) > NAMED else ''}: {_lineages(verdict.holds)}"
        )
        if verdict.fails:
            parts.append(f"it is not shown in {_lineages(verdict.fails)}")
    else:
        parts.append(
            f"within none of the {tested} lineages with enough lines is it shown" if tested > 1
            else "within the one lineage with enough lines it is not shown"
        )  # fmt: skip
    if verdict.quiet:
        parts.append(f"in {len(verdict.quiet)} more too few lines differ to tell")
    return parts


def _lineages(lineages: Sequence[LineageScore]) -> str:
    shown = [f"{x.lineage} (r {number(x.pearson)}, n {x.n})" for x in lineages[:NAMED]]
    return listed(shown if len(lineages) <= NAMED else [*shown, f"{len(lineages) - NAMED} more"])


def _baselines(verdict: Verdict, score: MethodScore) -> str:
    if verdict.evidence.scheme == "lineage":
        return "each lineage was held out in turn, so that knowing it gives nothing"
    if math.isnan(score.lineage):
        return "what the lineage alone gives is not known"
    text = f"knowing the lineage alone gives r {number(score.lineage)}"
    if score.own > max(score.lineage, 0.0):
        text += f", the expression of {verdict.evidence.target} alone {number(score.own)}"
    if verdict.answer in (v.NOT, v.NOT_SHOWN):
        return text
    sure = "" if math.isnan(score.gain_low) else f" ({number(score.gain_low)} to {number(score.gain_high)})"
    return f"{text}, and the prediction adds {number(score.gain)}{sure}"


def _without_score(verdict: Verdict) -> tuple[str, str, str]:
    evidence = verdict.evidence
    reason = next((f.reason for f in evidence.failures if f.reason), "")
    whole = evidence.selectivity
    lines = f"{whole.n} cell lines" if whole else "all cell lines"
    counted = f" ({whole.n} of them)" if whole else ""  # without a single value nothing is known of the whole
    first, second, third = {
        v.CONSTANT: (
            f"{evidence.target} cannot be modelled: its effect is the same in every line to learn from "
            f"({lines} measured)",
            "There is nothing to predict, so no gene predicts it",
            "No lineage differs from another in it",
        ),
        v.TOO_FEW: (
            f"{evidence.target} cannot be modelled: it was measured in too few cell lines{counted}",
            "No gene was looked for",
            "Nothing can be said of lineages",
        ),
        v.FAILED: (
            f"{evidence.target} has no prediction: the computation failed"
            + (f" ({reason.splitlines()[0].rstrip('.')})" if reason else ""),
            "This says nothing of the gene",
            "`knockcast resume STORE --retry-failed` tries again",
        ),
    }.get(
        verdict.answer,
        (
            f"{evidence.target} is not computed yet",
            "Nothing is known of its modifiers",
            "`knockcast resume STORE` does what is left",
        ),
    )
    return f"{first}.", f"{second}.", f"{third}."
