"""How like the training lines new samples are, and values made more like theirs: numbers only.

Start with `lines.lines_of`, then `statistics.compare` and `limits.limits_of`. Knows no names of genes or
lines, no files and no words.
"""
