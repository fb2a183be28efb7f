"""A verdict and its evidence as a piece of HTML, for notebooks: no script, no link, its own few styles."""

from collections.abc import Sequence
from html import escape

from cluster.answers.text import lineage_cells, modifier_cells, modifiers_title, score_cells
from tasks.analyses.answer.evidence import Evidence
from tasks.analyses.answer.verdict import FEWEST_LINES, FEWEST_SHOWN, Verdict
from tasks.analyses.answer.wording import number, sentences

_STYLE = (
    ".knockcast table{border-collapse:collapse;margin:.3em 0 1em}"
    ".knockcast td,.knockcast th{padding:.1em .7em;text-align:right;border-bottom:1px solid #8884}"
    ".knockcast td:first-child,.knockcast th:first-child{text-align:left}"
    ".knockcast caption{text-align:left;font-weight:600}"
    ".knockcast .answer{font-size:1.1em;max-width:60em}"
)


def verdict_html(verdict: Verdict) -> str:
    """The three sentences and a table for each kind of evidence. All text is escaped."""
    evidence = verdict.evidence
    parts = [
        f"<style>{_STYLE}</style>",
        f"<h3>{escape(evidence.target)}: {escape(verdict.answer)}</h3>",
        *(f"<p class='answer'>{escape(sentence)}</p>" for sentence in sentences(verdict)),
        _table("How well", *score_cells(verdict)),
        _modifiers(verdict),
        _lineages(verdict),
        _codependents(evidence),
        *(f"<p>note: {escape(note)}</p>" for note in evidence.notes),
    ]
    return f"<div class='knockcast'>{''.join(parts)}</div>"


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    top = "".join(f"<th scope='col'>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><tr>{top}</tr>{body}</table>"


def _modifiers(verdict: Verdict) -> str:
    head, rows, notes = modifier_cells(verdict)
    return _table(modifiers_title(verdict), head, rows) + "".join(f"<p>{escape(note)}</p>" for note in notes)


def _lineages(verdict: Verdict) -> str:
    shown = [x for x in verdict.evidence.lineages if x.n >= FEWEST_SHOWN and x.sd > 0]
    head, rows = lineage_cells(shown, verdict)
    return _table(f"Lineages (r from {FEWEST_LINES} lines on)", head, rows)


def _codependents(evidence: Evidence) -> str:
    rows = [
        [other.target, number(other.pearson), str(other.n or ""), ", ".join(map(str, other.relations))]
        for other in evidence.codependents
    ]
    return _table("Co-dependent targets", ["target", "r", "n", "relation"], rows)
