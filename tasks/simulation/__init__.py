"""A simulated release in DepMap's own file layouts, with the planted truth beside it.

Start at `simulate.simulate_release`; `biology.simulate_arrays` gives the same numbers without files. Knows
nothing of importing, so that a test of the importer has an independent source.
"""
