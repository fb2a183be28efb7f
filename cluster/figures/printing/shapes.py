"""Plotly's shapes and annotations drawn by matplotlib: lines, boxes, circles and texts."""

from collections.abc import Mapping
from typing import Any

from cluster.figures.printing.axes import Panel
from cluster.figures.printing.marks import DASHES, PIXEL
from cluster.figures.printing.text import plain

Panels = Mapping[tuple[str, str], Panel]


def draw_shape(panels: Panels, shape: Any) -> None:
    """A line, rectangle or circle in the axes that it names; `x domain` is 0..1 across the panel."""
    from matplotlib.patches import Ellipse, FancyBboxPatch

    panel = _panel(panels, shape.xref, shape.yref)
    axes = panel.axes
    where = _transform(axes, shape.xref, shape.yref)
    x0, x1, y0, y1 = (float(value) for value in (shape.x0, shape.x1, shape.y0, shape.y1))
    width = 0.5 * (1 if shape.line.width is None else shape.line.width)
    edge: dict[str, Any] = {"edgecolor": shape.line.color or "#444444", "linewidth": width}
    face = {"facecolor": shape.fillcolor or "none", "alpha": shape.opacity}
    if shape.type == "line":
        axes.plot(
            [x0, x1], [y0, y1], transform=where, color=edge["edgecolor"], linewidth=width * 1.2,
            linestyle=DASHES.get(shape.line.dash, "--"), zorder=1, scalex=False, scaley=False,
        )  # fmt: skip
    elif shape.type == "circle":
        centre = ((x0 + x1) / 2, (y0 + y1) / 2)
        axes.add_patch(Ellipse(centre, x1 - x0, y1 - y0, transform=where, zorder=1, **edge, **face))
    else:
        box = FancyBboxPatch(
            (x0, y0), x1 - x0, y1 - y0, boxstyle="square,pad=0", transform=where, zorder=1.5, **edge, **face
        )
        axes.add_patch(box)


def draw_annotation(page: Any, panels: Panels, note: Any) -> None:
    """A text in axes, or the title of the panel under it."""
    text = plain(note.text)
    size = PIXEL * (note.font.size or 12)
    if note.xref == "paper" and note.yref == "paper":
        for panel in panels.values():
            if _is_title_of(panel, note):
                panel.axes.set_title(text, fontsize=7, pad=3)
                return
        page.text(note.x, note.y, text, fontsize=size)
        return
    panel = _panel(panels, note.xref, note.yref)
    ha = {"left": "left", "right": "right"}.get(str(note.xanchor), "center")
    va = {"top": "top", "bottom": "bottom"}.get(str(note.yanchor), "center")
    drawn = panel.axes.text(float(note.x), float(note.y), text, ha=ha, va=va, fontsize=size)
    drawn.set_transform(_transform(panel.axes, note.xref, note.yref))
    drawn.set(color=note.font.color or "#222222", rotation=-(note.textangle or 0), in_layout=False)


def _is_title_of(panel: Panel, note: Any) -> bool:
    across, up = panel.x.domain or (0.0, 1.0), panel.y.domain or (0.0, 1.0)
    return abs(sum(across) / 2 - note.x) < 1e-3 and abs(up[1] - note.y) < 1e-3


def _panel(panels: Panels, xref: str | None, yref: str | None) -> Panel:
    wanted = ((xref or "x").split()[0], (yref or "y").split()[0])
    if wanted in panels:
        return panels[wanted]
    return next(
        (panel for pair, panel in panels.items() if wanted[0] == pair[0] or wanted[1] == pair[1]),
        next(iter(panels.values())),
    )


def _transform(axes: Any, xref: str | None, yref: str | None) -> Any:
    from matplotlib.transforms import blended_transform_factory

    sides = [
        axes.transAxes if ref == "paper" or str(ref).endswith("domain") else axes.transData
        for ref in (xref, yref)
    ]
    return blended_transform_factory(*sides)
