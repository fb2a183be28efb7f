"""Whether a printed figure's texts lie inside the page and off each other."""

from itertools import combinations
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cluster.figures.printing.draw import print_style, printed

SLACK = 0.75  # points that boxes may share: they are a little larger than the letters


def texts_of(page: Any) -> list[tuple[str, np.ndarray]]:
    """Every text that shows, with the four corners of its box in pixels."""
    from matplotlib.text import Text

    hidden = set()
    for axes in page.axes:
        for axis in (axes.xaxis, axes.yaxis):
            every = [label for t in axis.get_major_ticks() for label in (t.label1, t.label2)]
            shown = {t.label1 for t in axis._update_ticks()} if axis.get_visible() else set()
            hidden |= set(every) - shown  # ticks beyond the range keep their labels
            hidden |= set() if axis.get_visible() else {axis.label}
    return [
        (text.get_text().strip(), _corners(text))
        for text in page.findobj(Text)
        if text.get_text().strip() and text.get_visible() and text not in hidden
    ]


def _corners(text: Any) -> np.ndarray:
    """Corners of a text's box, without the empty lines that it begins with, turned as it is."""
    turned = text.get_rotation() if text.get_rotation_mode() == "anchor" else 0
    if turned:
        text.set_rotation(0)
    box, lines = text.get_window_extent(), text.get_text().split("\n")
    empty = next(at for at, line in enumerate(lines) if line.strip())
    top = box.y1 - empty / len(lines) * box.height
    corners = np.array([[box.x0, box.y0], [box.x1, box.y0], [box.x1, top], [box.x0, top]])
    if turned:
        text.set_rotation(turned)
        anchor = text.get_transform().transform(text.get_position())
        angle = np.deg2rad(turned)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        corners = anchor + (corners - anchor) @ turn
    return corners


def shared(one: np.ndarray, two: np.ndarray) -> float:
    """By how much two boxes overlap along the direction in which they do so least; below 0: they do not."""
    least = np.inf
    for box in (one, two):
        for edge in (box[1] - box[0], box[3] - box[0]):
            axis = edge / (np.linalg.norm(edge) or 1.0)
            a, b = one @ axis, two @ axis
            least = min(least, min(a.max(), b.max()) - max(a.min(), b.min()))
    return least


def problems_of(figure: go.Figure) -> list[str]:
    """Texts that are cut off or run into each other."""
    with print_style():
        page = printed(figure)
        texts = texts_of(page)
        slack = SLACK * page.dpi / 72
    low, high = page.bbox.min - slack, page.bbox.max + slack
    out = [f"cut off: {text!r}" for text, box in texts if (box < low).any() or (box > high).any()]
    for (one, a), (two, b) in combinations(texts, 2):
        if shared(a, b) > slack:
            out.append(f"overlap: {one!r} and {two!r}")
    return out
