"""Figures of one gene, from a `cluster.results.explain.GeneExplanation`: frames in, figure and numbers out.

Start with `registry.PANELS`. Everything is computed elsewhere.
"""
