"""The rough magnitudes of `modeling.selection.association` by torch, on a GPU or any other device it names.

A device computes them in double precision, whatever it may do with products in single precision (TF32 is far
less than single), and they are rounded for the way back. Nothing that is kept or reported depends on their
last bits: see `association`.

Importing this imports torch, which takes seconds: do it late. "cpu:0" is a CPU by this code, for tests.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from modeling.selection.association import TARGETS_AT_ONCE, TESTS, PreparedTargets, reciprocal
from modeling.selection.prepared import PreparedGenes
from modeling.statistics.chi_squared import QUANTILE_BINS, BinnedTargets, unpack


@dataclass(frozen=True, eq=False)
class DeviceGenes:
    """What the tests need of `PreparedGenes`, on a device: genes x cell_lines, or one number a gene.

    `upper` is 1 or 0 in float32, of whose products even TF32 makes exact counts (below 2^24); all else is
    float64. `rank_scale` is 1 / (rank spread x (lines - 1)), or 0.
    """

    standardised: Tensor
    ranks: Tensor
    rank_scale: Tensor
    upper: Tensor
    upper_counts: Tensor


_sent: dict[tuple[str, str], DeviceGenes] = {}  # the last genes with a digest: a process works fold by fold


def on_device(genes: PreparedGenes, device: str) -> DeviceGenes:
    """The genes on a device: those of the last digest stay there, others are sent at every call."""
    key = genes.digest, device
    if not genes.digest:
        return _send(genes, device)
    if key not in _sent:
        _sent.clear()
        _sent[key] = _send(genes, device)
    return _sent[key]


def _send(genes: PreparedGenes, device: str) -> DeviceGenes:
    upper = unpack(np.ascontiguousarray(genes.upper.T), genes.n_lines)
    return DeviceGenes(
        torch.tensor(genes.standardised, device=device),
        torch.tensor(genes.ranks, device=device).to(torch.float64),
        torch.tensor(reciprocal(genes.rank_spread * (genes.n_lines - 1)), device=device),
        torch.tensor(upper, device=device).to(torch.float32),
        torch.tensor(genes.upper_counts, device=device).to(torch.float64),
    )


@dataclass(frozen=True, eq=False)
class DeviceTile:
    """`association.RoughMagnitudes` by torch; the magnitudes are a copy in this machine's memory."""

    genes: PreparedGenes
    sent: DeviceGenes
    rough: tuple[Float32[np.ndarray, "targets genes"], ...]

    @classmethod
    def for_genes(cls, genes: PreparedGenes, device: str) -> "DeviceTile":
        """Allocate the memory, and send the genes unless they are there."""
        shape = (TARGETS_AT_ONCE, genes.n_genes)
        return cls(genes, on_device(genes, device), tuple(np.empty(shape, dtype=np.float32) for _ in TESTS))

    def fill(self, targets: PreparedTargets) -> None:
        """As `RoughMagnitudes` says."""
        with _one_thread():
            pearson = self._products(targets.standardised, self.sent.standardised)
            spearman = self._products(targets.ranks, self.sent.ranks)
            spearman.mul_(self.sent.rank_scale).mul_(self._column(reciprocal(targets.rank_spread)))
            chi = self._chi_squared(targets.binned).sqrt_()
            for host, computed in zip(self.rough, (pearson, spearman, chi), strict=True):
                torch.from_numpy(host[: len(targets)]).copy_(computed.to(torch.float32))

    def _products(self, targets: Float64[np.ndarray, "targets cell_lines"], genes: Tensor) -> Tensor:
        """|targets @ genes.T|."""
        return (self._send(targets) @ genes.T).abs_()

    def _chi_squared(self, binned: BinnedTargets) -> Tensor:
        """The squares of `chi_squared.fill_root_chi_squared`."""
        lines, above = self.genes.n_lines, self.sent.upper_counts
        last = np.maximum(binned.bins - 1, 0)
        counted = np.arange(QUANTILE_BINS) < last[:, None]  # the last bin with lines follows from the others
        inside = unpack(binned.members.reshape(-1, binned.members.shape[2]), lines)
        inside = inside.reshape(len(last), QUANTILE_BINS, lines) & counted[:, :, None]
        chi, rest = (above.new_zeros((len(last), self.genes.n_genes)) for _ in range(2))
        for b in range(QUANTILE_BINS - 1):
            members = self._send(inside[:, b]).to(torch.float32)
            size = self._column(np.where(counted[:, b], binned.sizes[:, b], 0))
            excess = (members @ self.sent.upper.T).to(torch.float64).mul_(lines).sub_(size * above)
            rest.add_(excess)
            chi.add_(excess.mul_(excess).div_(size.clamp(min=1)))
        size = self._column(binned.sizes[np.arange(len(last)), last]).clamp(min=1)
        total = chi.add_(rest.mul_(rest).div_(size))
        # A gene all of whose lines are on one side has 0 above the line, too.
        return total.div_((above * (lines - above)).clamp(min=1))

    def _send(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(values).to(self.sent.ranks.device)

    def _column(self, values: np.ndarray) -> Tensor:
        """One number a target, float64."""
        return self._send(values.astype(np.float64))[:, None]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch on one thread, where its device is a CPU: a task has one, and more would sum in other orders."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
