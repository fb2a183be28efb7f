"""`python -m cluster` is `knockcast`."""

from cluster.cli.app import main

main()
