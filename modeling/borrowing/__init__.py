"""What method `best` adds to a kernel on all genes: borrowing between targets, a mix of predictions, a gate.

Start with `shared` (what a fold's targets teach together), then `stages` (three predictions of one target),
`mixing` (how they are weighed) and `gate` (a few genes on what is left). Knows nothing of files and methods.
"""
