"""A Plotly figure drawn for print: 7 pt type, sizes in millimetres, nothing clipped.

A figure says its size by `layout.meta = {"mm": (width, height)}`; a journal's column is 85 mm wide, a page
180. Equal figures give equal bytes.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import plotly.graph_objects as go

from cluster.figures.printing.axes import Panel, panels_of
from cluster.figures.printing.marks import draw_trace
from cluster.figures.printing.shapes import draw_annotation, draw_shape
from cluster.figures.printing.text import plain, wrapped
from tasks.errors import BadInputError

WIDTH, HEIGHT = 120.0, 85.0  # millimetres, of a figure that says none
MM = 1 / 25.4
KINDS = ("svg", "png", "pdf")
TITLE = "title"
DPI = 300
POINTS = 7.0

STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
    "font.size": POINTS,
    "axes.titlesize": POINTS,
    "axes.labelsize": POINTS,
    "xtick.labelsize": POINTS - 0.5,
    "ytick.labelsize": POINTS - 0.5,
    "legend.fontsize": POINTS - 0.5,
    "axes.linewidth": 0.5,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2.0,
    "ytick.major.size": 2.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 0.8,
    "patch.linewidth": 0.5,
    "legend.frameon": False,
    "legend.handletextpad": 0.4,
    "legend.columnspacing": 1.0,
    "text.parse_math": False,  # a gene may be called anything
    "axes.unicode_minus": True,
    "svg.fonttype": "none",  # text stays text: it can be searched, read aloud and edited
    "svg.hashsalt": "knockcast",
    "pdf.fonttype": 42,
}


@contextmanager
def print_style() -> Iterator[Any]:
    """Matplotlib with our style; BadInputError with what to install where it is missing."""
    try:
        import matplotlib
    except ImportError:
        raise BadInputError(
            "matplotlib, which draws figures for print, is missing: pip install matplotlib"
        ) from None
    with matplotlib.rc_context(STYLE):
        yield matplotlib


def printed(figure: go.Figure) -> Any:
    """The figure as a `matplotlib.figure.Figure` that is laid out; call it inside `print_style`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = (figure.layout.meta or {}).get("mm", (WIDTH, HEIGHT))
    page = Figure(figsize=(width * MM, height * MM), dpi=DPI, layout="constrained")
    FigureCanvasAgg(page)
    page.get_layout_engine().set(w_pad=1.2 * MM, h_pad=1.2 * MM, wspace=0.03, hspace=0.03)
    panels = panels_of(figure, page)
    for number, trace in enumerate(figure.data):
        draw_trace(panels[trace.xaxis or "x", trace.yaxis or "y"], figure, trace, number)
    for panel in panels.values():
        panel.finish()
    for shape in figure.layout.shapes:
        draw_shape(panels, shape)
    for note in figure.layout.annotations:
        draw_annotation(page, panels, note)
    _legend(page, figure, panels)
    _heading(page, figure, width)
    page.draw_without_rendering()
    turned = [panel.turn_crowded_labels() for panel in panels.values()]  # of all panels, not the first alone
    if any(turned):
        page.draw_without_rendering()
    page.set_layout_engine("none")  # laid out: saving must not do it again
    for text in page.texts:
        if text.get_gid() == TITLE:
            text.set_y(page._suptitle.get_position()[1])
    return page


def image(figure: go.Figure, kind: str) -> bytes:
    """The figure as `svg`, `png` (300 dpi) or `pdf`."""
    with print_style():
        return saved(printed(figure), kind)


def saved(page: Any, kind: str) -> bytes:
    """A drawn page's bytes, without the date of the day."""
    metadata: dict[str, dict[str, Any]] = {
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None},
        "png": {"Software": None},
    }
    sink = io.BytesIO()
    page.savefig(sink, format=kind, dpi=DPI, metadata=metadata[kind])
    data = sink.getvalue()
    if kind == "svg":  # a reader without our font takes one that is a little narrower
        data = data.replace(b"'DejaVu Sans'", b"'DejaVu Sans', Verdana, Arial, sans-serif")
    return data


def _heading(page: Any, figure: go.Figure, width: float) -> None:
    title = plain(figure.layout.title.text)
    note = plain(figure.layout.title.subtitle.text)
    lines = [*wrapped(title, width, POINTS + 0.5)] if title else []
    under = [line for part in note.split("\n") for line in wrapped(part, width, POINTS - 0.5)] if note else []
    if not lines:
        return
    # The layout leaves room for one title: it is the note, below as many empty lines as the title has. The
    # title itself stands there once the layout is done.
    style: dict[str, Any] = {"x": 0.006, "ha": "left", "linespacing": 1.35}
    page.suptitle("\n".join([" " for _ in lines] + under), fontsize=POINTS - 0.5, color="#444444", **style)
    name = page.text(s="\n".join(lines), y=1.0, va="top", fontsize=POINTS, fontweight="bold", **style)
    name.set(in_layout=False, gid=TITLE)


def _legend(page: Any, figure: go.Figure, panels: dict[tuple[str, str], Panel]) -> None:
    if figure.layout.showlegend is False:
        return
    handles, names = [], []
    for panel in panels.values():
        for handle, name in panel.legend:
            if name not in names:
                handles.append(handle)
                names.append(name)
    if not handles or (len(handles) == 1 and figure.layout.showlegend is not True):
        return
    longest = max(len(name) for name in names)
    width = page.get_figwidth() / MM
    columns = max(1, min(len(names), int(width / (8 + 1.35 * longest))))
    legend = page.legend(handles, names, loc="outside lower center", ncols=columns, handlelength=1.2)
    for handle in legend.legend_handles:
        if hasattr(handle, "set_sizes"):
            handle.set_sizes([12.0])
        handle.set_alpha(1.0)
