"""`python -m cluster` is `knockcast`."""

from cluster.cli import main

main()
