"""Dates, and other things that spreadsheets make of gene symbols and numbers, or take names for."""

import re
from collections.abc import Iterable

# MARCH1, SEPT2, DEC1 and OCT4 become "1-Mar", "2-Sep", ... in the language of the spreadsheet.
_MONTHS = (
    "jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|"  # English
    "mrz|mär|mai|okt|dez|"  # German
    "janv|févr|mars|avr|juin|juil|août|déc|"  # French
    "ene|abr|ago|dic|set|out|gen|mag|giu|lug|ott|mrt|mei"  # Spanish, Portuguese, Italian, Dutch
)
_DATES = (
    re.compile(rf"\d{{1,4}}[-./ ]{{1,2}}({_MONTHS})\.?([-./ ]\d{{2,4}})?", re.IGNORECASE),
    re.compile(rf"({_MONTHS})\.?[-./ ]{{1,2}}\d{{1,4}}", re.IGNORECASE),
    re.compile(r"\d{1,2}[-/]\d{1,2}[-/]\d{2,4}|\d{4}-\d{2}-\d{2}( 00:00(:00)?)?|\d{1,2}\.\d{1,2}\.\d{2,4}"),
)
_GENES = {"mar": "MARCH (MARCHF) or MARC (MTARC)", "sep": "SEPT (SEPTIN)", "dec": "DEC (DELEC)", "oct": "OCT"}
_FORMULA = ("=", "+", "-", "@")
_WORDS = frozenset({"null", "nan", "na", "n/a", "#n/a", "none", "true", "false", "inf"})
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?(e[+-]?\d+)?", re.IGNORECASE)


def looks_like_date(text: str) -> bool:
    """Whether a text is a date as spreadsheets write them: 1-Mar, Sep-02, 01.03.2024, 2024-03-01."""
    return any(pattern.fullmatch(text.strip()) for pattern in _DATES)


def dates_in_words(names: Iterable[str]) -> str:
    """Which gene names are dates, and which genes they may have been; "" where none is."""
    names = list(names)
    dates = [name for name in names if looks_like_date(name)]
    if not dates:
        return ""
    found = [genes for month, genes in _GENES.items() if any(month in date.lower() for date in dates)]
    perhaps = f" (once {', '.join(found)}?)" if found else ""
    shown = ", ".join(map(repr, dates[:5])) + (", ..." if len(dates) > 5 else "")
    return (
        f"{len(dates)} of {len(names)} genes are dates: {shown}{perhaps}: a spreadsheet changed their names; "
        "they stay under these names, unknown to every other table; export the file anew, without opening it "
        "there"
    )


def strange_to_spreadsheets(names: Iterable[str]) -> list[str]:
    """Names that a spreadsheet or a reader of tables takes for a formula, a number or a missing value."""
    return [
        name
        for name in names
        if name.startswith(_FORMULA) or name.lower() in _WORDS or _NUMBER.fullmatch(name) is not None
    ]
