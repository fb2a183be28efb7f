"""What besides Knockcast's own sources decides a run's numbers: libraries, and plug-ins of other packages."""

from typing import NamedTuple

# Their versions change last digits, so they are part of what a run is: run.json lists exactly these.
NUMERICAL = ("numpy", "scipy", "scikit-learn", "numba", "xgboost-cpu", "torch")

# These must also be equal on driver and workers, which exchange files and messages made with them.
EXCHANGED = (*NUMERICAL, "pyarrow", "safetensors")


class UsedPlugin(NamedTuple):
    """A candidate or method that a run uses and an installed package other than Knockcast brings."""

    kind: str  # candidate or method
    name: str  # as the user writes it
    distribution: str
    version: str

    def __str__(self) -> str:
        """As a message names it."""
        return f"plug-in {self.kind} '{self.name}' ({self.distribution} {self.version})"
