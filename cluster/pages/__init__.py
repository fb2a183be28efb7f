"""Pages of one HTML file that need nothing else: no script, no host, every name escaped.

Start with `parts`. What a page says comes from `cluster.results`, what it shows from `cluster.figures`.
"""
