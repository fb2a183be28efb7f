"""A verdict as what JSON knows: dictionaries, lists, numbers, text and null."""

import math
from dataclasses import fields, is_dataclass
from typing import Any

from tasks.analyses.answer.verdict import Verdict
from tasks.analyses.answer.wording import sentences


def verdict_plain(verdict: Verdict) -> dict[str, Any]:
    """Everything of a verdict; keys are the names of its dataclasses' fields. NaN is null.

    `holds`, `fails` and `quiet` name lineages, whose numbers are under `lineages`.
    """
    score = verdict.score
    return {
        "target": verdict.evidence.target,
        "answer": verdict.answer,
        "predictable": verdict.predictable,
        "verdict": list(sentences(verdict)),
        "method": score.method if score else None,
        **{
            name: [lineage.lineage for lineage in getattr(verdict, name)]
            for name in ("holds", "fails", "quiet")
        },
        **{f.name: plain(getattr(verdict.evidence, f.name)) for f in fields(verdict.evidence)},
    }


def plain(value: Any) -> Any:
    """A dataclass as a dictionary, and so all that is in it."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
