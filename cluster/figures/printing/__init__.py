"""Plotly figures as print: the same marks drawn by matplotlib as SVG, PNG or PDF, at a size in millimetres.

Start with `draw.printed`. Knows the marks that `cluster/figures` uses, and nothing of what they show.
"""
