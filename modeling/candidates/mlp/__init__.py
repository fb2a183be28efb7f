"""Candidate `deep`: one small network per target, trained compiled on a CPU or stacked on a GPU."""
