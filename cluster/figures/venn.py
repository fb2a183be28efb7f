"""Three sets as circles that overlap, with the number of members in every part."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from cluster.figures.page import COLOURS, shown

_CENTRES = ((-0.6, 0.35), (0.6, 0.35), (0.0, -0.69))
_NAMES = ((-1.0, 1.5), (1.0, 1.5), (0.0, -1.85))
_PARTS = {
    (True, False, False): (-1.0, 0.6),
    (False, True, False): (1.0, 0.6),
    (False, False, True): (0.0, -1.15),
    (True, True, False): (0.0, 0.72),
    (True, False, True): (-0.62, -0.36),
    (False, True, True): (0.62, -0.36),
    (True, True, True): (0.0, 0.0),
}
_RADIUS = 1.0


def venn_figure(names: Sequence[str], counts: Mapping[tuple[bool, bool, bool], int]) -> go.Figure:
    """Circles of three sets, named with their totals; `counts` of each combination, 0 where it has none."""
    figure = go.Figure()
    for at, (x, y) in enumerate(_CENTRES):
        figure.add_shape(
            type="circle",
            x0=x - _RADIUS,
            x1=x + _RADIUS,
            y0=y - _RADIUS,
            y1=y + _RADIUS,
            fillcolor=COLOURS[(0, 4, 2)[at]],
            opacity=0.32,
            line={"color": "#444444", "width": 1},
        )
        total = sum(count for key, count in counts.items() if key[at])
        over, up = _NAMES[at]
        figure.add_annotation(text=f"{shown(names[at])}: {total}", x=over, y=up, showarrow=False)
    for key, (x, y) in _PARTS.items():
        figure.add_annotation(text=str(counts.get(key, 0)), x=x, y=y, showarrow=False, font={"size": 14})
    # Without a trace there would be no axes to draw in.
    dot = go.Scatter(x=[0], y=[0], mode="markers", marker={"size": 0.1, "opacity": 0}, showlegend=False)
    figure.add_trace(dot)
    figure.update_xaxes(visible=False, range=[-2.1, 2.1])
    figure.update_yaxes(visible=False, range=[-2.1, 1.75], scaleanchor="x")
    figure.update_layout(meta={"mm": (90.0, 82.0)}, showlegend=False)
    return figure
