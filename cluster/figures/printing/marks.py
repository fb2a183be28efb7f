"""Plotly's traces drawn by matplotlib: points, lines, bars, boxes, violins and heat maps."""

from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cluster.figures.printing.axes import Panel
from cluster.figures.printing.text import plain

DASHES = {"dot": ":", "dash": "--", "dashdot": "-.", "solid": "-", None: "-"}
PIXEL = 7 / 12  # points of print per pixel of a page
MANY = 2500  # points of one trace that are drawn as an image inside the figure, to keep files small
_SHAPES = {"hv": "steps-post", "vh": "steps-pre", "linear": "default", None: "default"}
_SIDES = {
    "left": ("right", -1, 0),
    "right": ("left", 1, 0),
    "top": ("center", 0, 1),
    "bottom": ("center", 0, -1),
}


def draw_trace(panel: Panel, figure: go.Figure, trace: Any, number: int) -> None:
    """Draw one trace; NotImplementedError for a kind that no figure of ours has."""
    draw = _DRAW.get(trace.type)
    if draw is None:
        raise NotImplementedError(f"a trace of type {trace.type} cannot be printed")
    ways = figure.layout.colorway or ("#0072B2",)
    draw(panel, figure, trace, ways[number % len(ways)])


def _scatter(panel: Panel, figure: go.Figure, trace: Any, colour: str) -> None:
    x, y = panel.place("x", trace.x), panel.place("y", trace.y)
    mode = trace.mode or "lines"
    handle = None
    line = trace.line
    if "lines" in mode:
        style = {"color": line.color or colour, "linestyle": DASHES.get(line.dash, "--")}
        (handle,) = panel.axes.plot(
            x, y, drawstyle=_SHAPES.get(line.shape, "default"), linewidth=0.4 * (line.width or 2), **style
        )
        if trace.fill in ("tozeroy", "toself"):
            panel.axes.fill(x, y, color=trace.fillcolor or style["color"], alpha=0.25, linewidth=0)
    if "markers" in mode:
        handle = _markers(panel, trace, x, y, line.color or colour)
    _errors(panel, trace, x, y, colour)
    if "text" in mode:
        _texts(panel, trace, x, y)
    if handle is not None and trace.name and trace.showlegend is not False:
        panel.legend.append((handle, plain(trace.name)))


def _markers(panel: Panel, trace: Any, x: np.ndarray, y: np.ndarray, colour: str) -> Any:
    marker = trace.marker
    size = np.asarray(6 if marker.size is None else marker.size, dtype=np.float64)
    style: dict[str, Any] = {"s": (size * PIXEL) ** 2, "alpha": marker.opacity, "linewidths": 0}
    style |= {"marker": {"diamond": "D", "square": "s", "x": "x"}.get(marker.symbol, "o")}
    if style["marker"] == "x":
        style["linewidths"] = 0.8
    colours = marker.color if marker.color is not None else colour
    if marker.colorscale is not None and not isinstance(colours, str):
        scale = {"vmin": marker.cmin, "vmax": marker.cmax, "cmap": colour_map(marker.colorscale)}
        style |= {"c": np.asarray(colours, dtype=np.float64)} | scale
    else:
        style["c"] = colours if isinstance(colours, str) else list(colours)
    points = panel.axes.scatter(x, y, rasterized=len(x) > MANY, zorder=2.5, **style)
    if marker.showscale:
        _colour_bar(panel, points, marker.colorbar)
    return points


def _errors(panel: Panel, trace: Any, x: np.ndarray, y: np.ndarray, colour: str) -> None:
    for side in ("x", "y"):
        bars = trace[f"error_{side}"]
        if bars.array is None:
            continue
        high = np.asarray(bars.array, dtype=np.float64)
        low = high if bars.arrayminus is None else np.asarray(bars.arrayminus, dtype=np.float64)
        style = {"fmt": "none", "ecolor": bars.color or "#444444", "elinewidth": 0.7, "capsize": 1.5}
        panel.axes.errorbar(x, y, **{f"{side}err": np.vstack([low, high])}, **style)


def _texts(panel: Panel, trace: Any, x: np.ndarray, y: np.ndarray) -> None:
    texts = [trace.text] * len(x) if isinstance(trace.text, str) else trace.text
    position = str(trace.textposition or "middle center")
    up, across = position.rsplit(" ", maxsplit=1) if " " in position else (position, "center")
    ha = {"left": "right", "right": "left"}.get(across, "center")
    va = {"top": "bottom", "bottom": "top"}.get(up, "center")
    shift = ({"left": -2.5, "right": 2.5}.get(across, 0.0), {"top": 2.0, "bottom": -2.0}.get(up, 0.0))
    size = PIXEL * (trace.textfont.size or 11)
    for at, text in enumerate(texts):
        panel.axes.annotate(
            plain(text), (x[at], y[at]), shift, textcoords="offset points", ha=ha, va=va, fontsize=size
        ).set_color(trace.textfont.color or "#222222")


def _bar(panel: Panel, figure: go.Figure, trace: Any, colour: str) -> None:
    along, up = ("y", "x") if trace.orientation == "h" else ("x", "y")
    places = panel.place(along, trace[along])
    lengths = np.asarray(trace[up], dtype=np.float64)
    colours = trace.marker.color if trace.marker.color is not None else colour
    colours = colours if isinstance(colours, str) else list(colours)
    # Several bars at one category stand beside each other.
    mine = [t for t in figure.data if t.type == "bar" and (t.xaxis, t.yaxis) == (trace.xaxis, trace.yaxis)]
    beside = len(mine) if figure.layout.barmode == "group" else 1
    thick = (trace.width or (0.8 if panel.categories[along] else _step(places))) / beside
    shift = (mine.index(trace) - (beside - 1) / 2) * thick if beside > 1 else 0.0
    draw = panel.axes.barh if trace.orientation == "h" else panel.axes.bar
    base = 0 if trace.base is None else np.asarray(trace.base, dtype=np.float64)
    bars = draw(places + shift, lengths, thick, base, color=colours, alpha=trace.opacity, linewidth=0)
    ends = {along: places + shift, up: lengths + base}
    _errors(panel, trace, ends["x"], ends["y"], colour)
    if trace.name and trace.showlegend is not False:
        panel.legend.append((bars[0] if len(bars) else bars, plain(trace.name)))


def _step(places: np.ndarray) -> float:
    return float(np.diff(np.unique(places)).min(initial=np.inf)) if len(np.unique(places)) > 1 else 1.0


def _box(panel: Panel, figure: go.Figure, trace: Any, colour: str) -> None:
    boxes = [t for t in figure.data if t.type == "box"]
    width = 0.7 / len(boxes)
    shift = (boxes.index(trace) - (len(boxes) - 1) / 2) * width
    groups = _by_place(panel, trace)
    made = panel.axes.boxplot(
        [values for _, values in groups],
        positions=[place + shift for place, _ in groups],
        widths=0.85 * width,
        patch_artist=True,
        manage_ticks=False,
        flierprops={"marker": ".", "markersize": 1.5, "markeredgecolor": colour, "alpha": 0.6},
        medianprops={"color": "black", "linewidth": 0.8},
    )
    for part in made["boxes"]:
        part.set(facecolor=colour, alpha=0.7, linewidth=0.4)
    for part in (*made["whiskers"], *made["caps"]):
        part.set(linewidth=0.5)
    if trace.name and made["boxes"]:
        panel.legend.append((made["boxes"][0], plain(trace.name)))


def _violin(panel: Panel, figure: go.Figure, trace: Any, colour: str) -> None:
    del figure
    fill = trace.fillcolor or trace.line.color or colour
    groups = [(place, values) for place, values in _by_place(panel, trace) if len(values)]
    for place, values in groups:
        if len(values) > 1 and np.ptp(values) > 0:
            parts = panel.axes.violinplot([values], [place], widths=0.8, showextrema=False, points=80)
            parts["bodies"][0].set(facecolor=fill, alpha=0.75, linewidth=0)
        low, middle, high = np.percentile(values, [25, 50, 75])
        panel.axes.plot([place, place], [low, high], color="#222222", linewidth=1.2, solid_capstyle="butt")
        panel.axes.plot(
            [place],
            [middle],
            "o",
            color="white",
            markersize=1.8,
            markeredgecolor="#222222",
            markeredgewidth=0.4,
        )


def _by_place(panel: Panel, trace: Any) -> list[tuple[float, np.ndarray]]:
    values = np.asarray(trace.y, dtype=np.float64)
    places = panel.place("x", trace.x if trace.x is not None else [trace.name or ""] * len(values))
    known = ~np.isnan(values)
    return [(float(place), values[known & (places == place)]) for place in np.unique(places)]


def _heat(panel: Panel, figure: go.Figure, trace: Any, colour: str) -> None:
    del figure, colour
    z = np.ma.masked_invalid(np.asarray(trace.z, dtype=np.float64))
    x, y = panel.place("x", trace.x), panel.place("y", trace.y)
    shades = colour_map(trace.colorscale).with_extremes(bad="#e6e6e6")
    mesh = panel.axes.pcolormesh(
        x,
        y,
        z,
        cmap=shades,
        vmin=trace.zmin,
        vmax=trace.zmax,
        shading="nearest",
        edgecolors="white",
        linewidth=0.4,
    )
    for side in ("top", "right", "bottom", "left"):
        panel.axes.spines[side].set_visible(False)
    panel.axes.tick_params(length=0)
    if trace.text is not None:
        for (i, j), colour in np.ndenumerate(_contrasting(mesh, z)):
            label = panel.axes.text(x[j], y[i], plain(trace.text[i][j]), ha="center", va="center")
            label.set(color=colour, fontsize=5.5, in_layout=False)
    if trace.showscale is not False:
        _colour_bar(panel, mesh, trace.colorbar)


def _contrasting(mesh: Any, z: Any) -> np.ndarray:
    """For every cell black or white, whichever reads better on its shade."""
    shade = mesh.to_rgba(z)
    bright = shade[..., :3] @ np.array([0.299, 0.587, 0.114])
    return np.where(bright < 0.5, "white", "#222222")


def _colour_bar(panel: Panel, drawn: Any, settings: Any) -> None:
    bar = panel.axes.figure.colorbar(drawn, ax=panel.axes, fraction=0.04, pad=0.02, aspect=25)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=6)
    if settings.tickvals is not None:
        bar.set_ticks(list(settings.tickvals), labels=[plain(text) for text in settings.ticktext])
    if settings.title.text:
        bar.set_label(plain(settings.title.text), fontsize=6.5)


def colour_map(scale: Any) -> Any:
    """A matplotlib map of Plotly's [[0, colour], ..., [1, colour]]."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("scale", [(float(at), _colour(name)) for at, name in scale])


def _colour(name: str) -> Any:
    """A colour as matplotlib reads it; Plotly also writes `rgb(103,0,31)`."""
    if not name.startswith("rgb("):
        return name
    return tuple(float(part) / 255 for part in name.removeprefix("rgb(").rstrip(")").split(","))


_DRAW: dict[str, Callable[[Panel, go.Figure, Any, str], None]] = {
    "scatter": _scatter,
    "scattergl": _scatter,
    "bar": _bar,
    "box": _box,
    "violin": _violin,
    "heatmap": _heat,
}
