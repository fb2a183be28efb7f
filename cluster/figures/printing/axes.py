"""Plotly's pairs of axes as matplotlib's: a grid of panels, categories as places, titles, ranges, ticks."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cluster.figures.printing.text import plain

TURNED = 45  # degrees of labels that would run into each other


@dataclass(eq=False)
class Panel:
    """One pair of axes while it is drawn; categories get places 0, 1, ... in the order they come."""

    axes: Any
    x: Any
    y: Any
    categories: dict[str, list[str]] = field(default_factory=lambda: {"x": [], "y": []})
    legend: list[tuple[Any, str]] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)

    def place(self, side: str, values: Any) -> np.ndarray:
        """Numbers for values: themselves, or the places of their categories."""
        array = np.asarray([] if values is None else values)
        axis = self.x if side == "x" else self.y
        if array.dtype.kind in "biuf" and axis.type != "category":
            return array.astype(np.float64)
        names = [plain(str(value)) for value in array.tolist()]
        known = self.categories[side]
        known += [name for name in dict.fromkeys(names) if name not in known]
        number = {name: at for at, name in enumerate(known)}
        return np.array([number[name] for name in names], dtype=np.float64)

    def finish(self) -> None:
        """Titles, ranges and ticks, once all marks are there."""
        self._axis("x", self.x, self.axes.xaxis, self.axes.set_xlim, self.axes.set_xlabel)
        self._axis("y", self.y, self.axes.yaxis, self.axes.set_ylim, self.axes.set_ylabel)
        if self.y.scaleanchor:
            self.axes.set_aspect("equal", adjustable="box")

    def turn_crowded_labels(self) -> bool:
        """Turn the labels of the x axis where two of them touch; whether any was turned."""
        labels = [label for label in self.axes.get_xticklabels() if label.get_text() and label.get_visible()]
        boxes = [label.get_window_extent() for label in labels]
        touch = any(b.x0 < a.x1 + 2 for a, b in pairwise(boxes))
        if not (touch and self.categories["x"]):
            return False
        for label in labels:
            label.set(rotation=TURNED, ha="right", rotation_mode="anchor")
        return True

    def _axis(self, side: str, axis: Any, ticks: Any, limit: Any, title: Any) -> None:
        names = self.categories[side]
        if axis.visible is False:
            ticks.set_visible(False)
            self.axes.spines[["bottom" if side == "x" else "left"]].set_visible(False)
        if names:
            ticks.set_ticks(range(len(names)), labels=names)
            limit(-0.6, len(names) - 0.4)
        if axis.tickvals is not None:
            labels = None if axis.ticktext is None else [plain(text) for text in axis.ticktext]
            ticks.set_ticks(list(axis.tickvals), labels=labels)
        if axis.tickformat == "d":
            ticks.get_major_locator().set_params(integer=True)
        if axis.showticklabels is False:
            ticks.set_ticklabels([])
        if axis.range is not None:
            limit(*axis.range)
        if axis.autorange == "reversed":
            limit(*limit()[::-1])
        if axis.title.text:
            title(plain(axis.title.text))


def _ordered(axis: Any) -> list[str]:
    """The categories of an axis whose order is given."""
    return [plain(str(name)) for name in (axis.categoryarray if axis.categoryarray is not None else ())]


def panels_of(figure: go.Figure, page: Any) -> dict[tuple[str, str], Panel]:
    """A panel for every pair of axes that marks use, laid out as their domains are."""
    layout = figure.layout
    pairs = list(dict.fromkeys((trace.xaxis or "x", trace.yaxis or "y") for trace in figure.data))
    sides = {pair: (_axis_of(layout, pair[0]), _axis_of(layout, pair[1])) for pair in pairs}
    spans = {pair: tuple(tuple(axis.domain or (0.0, 1.0)) for axis in both) for pair, both in sides.items()}
    columns = _tracks([span[0] for span in spans.values()])
    rows = _tracks([span[1] for span in spans.values()])[::-1]
    grid = page.add_gridspec(
        len(rows),
        len(columns),
        width_ratios=[high - low for low, high in columns],
        height_ratios=[high - low for low, high in rows],
    )
    out = {}
    for pair, (across, up) in spans.items():
        place = grid[_slice(rows, up), _slice(columns, across)]
        x, y = sides[pair]
        out[pair] = Panel(page.add_subplot(place), x, y, {"x": _ordered(x), "y": _ordered(y)})
    return out


def _axis_of(layout: Any, name: str) -> Any:
    return layout[f"{name[0]}axis{name[1:]}"]


def _tracks(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The columns (or rows) that domains lie in: those that hold no other."""
    distinct = sorted({(round(low, 6), round(high, 6)) for low, high in spans})
    return [s for s in distinct if not any(o != s and s[0] <= o[0] and o[1] <= s[1] for o in distinct)]


def _slice(tracks: list[tuple[float, float]], span: tuple[float, float]) -> slice:
    inside = [at for at, (low, high) in enumerate(tracks) if span[0] - 1e-5 <= low and high <= span[1] + 1e-5]
    return slice(inside[0], inside[-1] + 1)
