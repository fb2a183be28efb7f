"""What method `best` adds to a kernel on all genes: borrowing between targets, a mix of three forecasts, a gate.

Start with `shared` (what a fold's targets teach together), then `stages` (three forecasts of one target),
`mixing` (how they are weighed) and `gate` (a few genes on what is left). Knows nothing of files and methods.
"""
