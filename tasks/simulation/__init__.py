"""A simulated release in DepMap's own file layouts, with the planted truth beside it.

Start at `simulate.simulate_release`.
"""
