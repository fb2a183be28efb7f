"""A verdict and its evidence as text for a terminal."""

import math
import textwrap
from collections.abc import Iterator, Sequence

from tasks.analyses.answer.evidence import Evidence, LineageScore, MethodScore
from tasks.analyses.answer.relations import Relation
from tasks.analyses.answer.verdict import FDR, FEWEST_LINES, FEWEST_SHOWN, NOT, NOT_SHOWN, Verdict
from tasks.analyses.answer.wording import number, q_text, sentences

WIDTH = 100
MODIFIERS_TITLE = "Modifiers: genes whose expression goes with the effect"
NO_RELATIONS = "relations: none known; `knockcast enrich` adds them"
Cells = Sequence[Sequence[str]]


def verdict_text(verdict: Verdict) -> str:
    """The three sentences, then what they rest on: one block of lines for each kind of evidence."""
    evidence = verdict.evidence
    blocks = [
        "\n".join(textwrap.fill(sentence, WIDTH) for sentence in sentences(verdict)),
        *_scores(verdict),
        *_selectivity(evidence),
        *_modifiers(verdict),
        *_lineages(verdict),
        *_codependents(evidence),
        *_failures(evidence),
    ]
    if evidence.notes:
        blocks.append("\n".join(textwrap.fill(f"note: {note}", WIDTH) for note in evidence.notes))
    return "\n\n".join(blocks) + "\n"


def columns_text(head: Sequence[str], rows: Cells, right: str = "") -> str:
    """Rows under their heads; `right` has an `r` for each column that is aligned to the right."""
    kept = [_printable(row) for row in (head, *rows)]
    widths = [max(len(row[at]) for row in kept) for at in range(len(head))]
    lines = [
        "  ".join(
            cell.rjust(width) if right[at : at + 1] == "r" else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in kept
    ]
    return "\n".join(f"  {line}" for line in lines)


def _printable(row: Sequence[str]) -> list[str]:
    """A control character in a name could rewrite the reader's terminal."""
    return ["".join(letter if letter.isprintable() else "�" for letter in cell) for cell in row]


def _scores(verdict: Verdict) -> Iterator[str]:
    head, rows = score_cells(verdict)
    if rows:
        judged = _judged(verdict.score, verdict.evidence.scores)
        yield f"How well{judged}\n" + columns_text(head, rows, "lrrrrrrrr")


def score_cells(verdict: Verdict) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the methods' scores, the one judged by first."""
    scores = verdict.evidence.scores
    rows = [
        [
            score.method,
            f"{number(score.pooled)} ({number(score.low)} to {number(score.high)})",
            q_text(score.q).removeprefix("q "),
            number(score.lineage),
            number(score.own),
            f"{number(score.gain)} ({number(score.gain_low)} to {number(score.gain_high)})",
            f"{number(score.rmse)} / {number(score.rmse_mean)}",
            str(score.n),
            f"{score.folds} of {score.of_folds}",
        ]
        for score in sorted(scores, key=lambda s: (s is not verdict.score, s.method))
    ]
    return ["method", "r", "q", "lineage r", "own r", "gain", "RMSE / of the mean", "n", "folds"], rows


def _judged(score: MethodScore | None, scores: Sequence[MethodScore]) -> str:
    if score is None or len(scores) < 2:
        return ""
    return f" (judged by {score.method}; --method for another)"


def _selectivity(evidence: Evidence) -> Iterator[str]:
    whole = evidence.selectivity
    if whole is None:
        return
    share = whole.dependent / whole.n
    spread = f"mean {number(whole.mean)}, sd {number(whole.sd)}"
    if not math.isnan(whole.skew):
        spread += f", skewness towards need {number(whole.skew, 1)}"
    text = (
        f"{whole.dependent} of {whole.n} lines depend on it ({share:.1%}): {_how_selective(share, whole.sd)}"
    )
    lines = [text, *_concentrated(evidence), f"{spread}; {_measure(evidence.measure)}"]
    yield "\n".join(["Selectivity", *(f"  {line}" for line in lines)])


def _concentrated(evidence: Evidence) -> list[str]:
    """The lineages with the largest shares of lines that depend, where that differs."""
    some = [x for x in evidence.lineages if x.n >= FEWEST_SHOWN and x.dependent]
    whole = evidence.selectivity
    if not some or whole is None or whole.dependent >= 0.9 * whole.n:
        return []
    most = sorted(some, key=lambda x: (-x.dependent / x.n, x.lineage))[:4]
    return ["most in " + ", ".join(f"{x.lineage} ({x.dependent} of {x.n})" for x in most)]


def _how_selective(share: float, sd: float) -> str:
    if share < 0.01:
        return "needed by none" if share == 0 else "needed by hardly any"
    if share >= 0.9:
        return "needed nearly everywhere" + (", varying in strength" if sd > 0.1 else "")
    return "selective" if share < 0.5 else "needed by most"


def _measure(measure: str) -> str:
    return {
        "effect": "gene effect: 0 none, −1 as a common essential; a line depends at −0.5 or less",
        "dependency": "dependency: a probability; a line depends at 0.5 or more",
        "level": "ordinal level 0, 1, 2; a line depends at 1 or more",
    }[measure]


def _modifiers(verdict: Verdict) -> Iterator[str]:
    head, rows, notes = modifier_cells(verdict)
    if rows:
        right = "llrr" + "r" * ("weight" in head) + "l"
        said = [textwrap.fill(note, WIDTH, initial_indent="  ", subsequent_indent="  ") for note in notes]
        yield "\n".join([modifiers_title(verdict), columns_text(head, rows, right), *said])


def modifier_cells(verdict: Verdict) -> tuple[list[str], list[list[str]], list[str]]:
    """Head and rows of the modifiers, and what is to be said of them; weights only where there are any."""
    modifiers = verdict.evidence.modifiers
    of = verdict.score.of_folds if verdict.score else 0
    weighted = any(not math.isnan(m.weight) for m in modifiers)
    within = any(not math.isnan(m.partial) for m in modifiers)
    rows = [
        [
            m.gene,
            m.direction or "differs",
            number(m.pearson),
            *([_known(m.partial)] if within else []),
            *([_known(m.weight, 3)] if weighted else []),
            f"{m.folds} of {of}" if m.folds else "followed",
            _relations(m.relations),
        ]
        for m in modifiers
    ]
    head = ["gene", "needed more where it is", "r"]
    head += [*(["r given lineage"] if within else []), *(["weight"] if weighted else [])]
    notes = []
    if weighted:
        text = (
            "r: of the gene's expression alone with the measured effect. weight: what the prediction adds "
            "for each unit of log2(TPM+1), on top of what all genes predict; it decides where the target is "
            "needed more"
        )
        turned = [m.gene for m in modifiers if m.turned]
        notes.append(text + (f". The two differ in sign for {', '.join(turned)}" if turned else ""))
    if any(not m.folds for m in modifiers):
        notes.append("followed: not chosen by name, but the predictions follow its expression")
    if not verdict.evidence.knows_relations:
        notes.append(NO_RELATIONS)
    return [*head, "chosen in folds", "relation"], rows, notes


def _known(value: float, digits: int = 2) -> str:
    return "" if math.isnan(value) else number(value, digits)


def modifiers_title(verdict: Verdict) -> str:
    """What the list of modifiers is, and that it means nothing where nothing is predicted."""
    by_chance = verdict.answer in (NOT, NOT_SHOWN)
    return f"{MODIFIERS_TITLE} (not predicted, so by chance)" if by_chance else MODIFIERS_TITLE


def _relations(relations: Sequence[Relation]) -> str:
    return ", ".join(map(str, relations))


def _lineages(verdict: Verdict) -> Iterator[str]:
    lineages = verdict.evidence.lineages
    if not lineages:
        return
    shown = [x for x in lineages if x.n >= FEWEST_SHOWN and x.sd > 0]
    lines = [f"Lineages, r from {FEWEST_LINES} lines on (without one: the lowest r with one line left out)"]
    if shown:
        lines.append(columns_text(*lineage_cells(shown, verdict), "lrrrrrrlrr"))
    same = [f"{x.lineage} {x.n}" for x in lineages if x.n >= FEWEST_SHOWN and x.sd == 0]
    few = [f"{x.lineage} {x.n}" for x in lineages if x.n < FEWEST_SHOWN]
    lines += _named("no line differs", same) + _named(f"fewer than {FEWEST_SHOWN} lines", few)
    yield "\n".join(lines)


def _named(what: str, names: Sequence[str]) -> list[str]:
    text = f"{what}: {', '.join(names)}"
    return [textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="    ")] if names else []


def lineage_cells(lineages: Sequence[LineageScore], verdict: Verdict) -> tuple[list[str], list[list[str]]]:
    """Head and rows of some lineages."""
    head = ["lineage", "n", "depend", "mean", "r within", "95% interval", "without one", "holds"]
    return [*head, "RMSE", "of lineage mean"], [_lineage_row(x, verdict) for x in lineages]


def _lineage_row(lineage: LineageScore, verdict: Verdict) -> list[str]:
    within = ["", "", "", ""]
    if not math.isnan(lineage.pearson):
        within = [
            number(lineage.pearson),
            f"{number(lineage.low)} to {number(lineage.high)}",
            number(lineage.without_one),
            _holds(lineage, verdict),
        ]
    counts = [str(lineage.n), str(lineage.dependent), number(lineage.mean)]
    return [lineage.lineage, *counts, *within, number(lineage.rmse), number(lineage.rmse_lineage)]


def _holds(lineage: LineageScore, verdict: Verdict) -> str:
    if lineage in verdict.holds:
        return "yes"
    return "one line" if lineage.q < FDR else "not shown"


def _codependents(evidence: Evidence) -> Iterator[str]:
    if not evidence.codependents:
        return
    rows = [
        [other.target, number(other.pearson), str(other.n or ""), _relations(other.relations)]
        for other in evidence.codependents
    ]
    yield "Co-dependent targets: their measured effects go together\n" + columns_text(
        ["target", "r", "n", "relation"], rows, "lrr"
    )


def _failures(evidence: Evidence) -> Iterator[str]:
    if not evidence.failures:
        return
    lines = []
    for failure in evidence.failures:
        folds = ", ".join("all lines" if fold < 0 else str(fold) for fold in failure.folds)
        reason = f": {' '.join(_printable(failure.reason.split()))}" if failure.reason else ""
        lines.append(f"  {failure.method}, fold {folds}: {failure.status}{reason}")
    yield "\n".join(["Failures", *lines])
