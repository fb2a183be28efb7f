"""Plotly's texts as plain ones: tags off, entities back, lines that fit a width."""

import html
import re
import textwrap

_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"</?(?:b|i|sup|sub|span)(?:\s[^>]*)?>", re.IGNORECASE)
LETTER = 0.198  # millimetres per point: the mean width of a letter of our font


def plain(text: str | None) -> str:
    """A text of a figure without markup; what names held (`page.shown`) comes back as it was."""
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", str(text or ""))))


def wrapped(text: str, width: float, points: float) -> list[str]:
    """The text in lines that fit `width` millimetres at a size of `points`."""
    return textwrap.wrap(text, max(12, int(width / (LETTER * points)))) or [""]
