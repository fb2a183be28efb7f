"""Figures of a store: one file a figure, from tables to a Plotly figure and the numbers it shows."""
