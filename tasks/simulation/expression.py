"""Simulated expression: lineage programmes, gene modules, and the zeros and ties of real RNA-seq.

Everything is element by element or a look-up: no matrix product, whose last bits would depend on the BLAS
threads. A gene's latent level is its log2(TPM) before detection.
"""

import numpy as np

from tasks.simulation.cell_lines import LINEAGES
from tasks.simulation.genes import OWN, GenePlan

ALWAYS_ZERO = 0.003  # of the genes


def expression_matrix(plan: GenePlan, lineage_of_line: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """log2(TPM+1), f32[cell_lines, genes], rounded to 4 decimals, never negative.

    TPM is rounded to hundredths first, as in DepMap's files (0.02857 there is log2(1.02)), which makes the
    zeros and ties of lowly expressed genes. A few genes, two at least, are zero everywhere.
    """
    latent = _varying_part(plan, lineage_of_line, rng)
    latent *= rng.uniform(0.5, 1.6, plan.n_expressed)
    latent += _base_levels(plan.n_expressed, rng)
    _lose_partners(latent, plan, rng)
    _gain_oncogenes(latent, plan, rng)
    _restrict_markers(latent, plan, lineage_of_line, rng)
    latent[:, _silent_genes(plan, rng)] = -np.inf
    tpm = np.round(np.exp2(latent, out=latent), 2, out=latent)
    tpm += 1.0
    return np.round(np.log2(tpm, out=tpm), 4, out=tpm).astype(np.float32)


def _varying_part(plan: GenePlan, lineage_of_line: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Variance about 1 per gene: up to a third of it the lineage's, a tenth to two thirds the module's."""
    n_lines, n_genes = len(lineage_of_line), plan.n_expressed
    of_lineage = rng.uniform(0.0, 0.33, n_genes)
    in_company = np.bincount(plan.module)[plan.module] > 1
    of_module = np.where(in_company, rng.uniform(0.1, 0.66, n_genes), 0.0)
    signal = rng.standard_normal((n_lines, n_genes))
    signal *= np.sqrt(1.0 - of_lineage - of_module)

    activity = rng.standard_normal((n_lines, plan.module.max() + 1))
    strength = np.sqrt(of_module)
    profile = _lineage_profiles(n_genes, rng) * np.sqrt(of_lineage)
    for line in range(n_lines):  # row by row: a whole second matrix of this size is not needed
        signal[line] += activity[line, plan.module] * strength + profile[lineage_of_line[line]]
    return signal


def _lineage_profiles(n_genes: int, rng: np.random.Generator) -> np.ndarray:
    """What each lineage does to each gene, variance 1, half of it shared by lineages of one origin."""
    origins = sorted({lineage.origin for lineage in LINEAGES})
    shared = rng.standard_normal((len(origins), n_genes))
    origin_of_lineage = [origins.index(lineage.origin) for lineage in LINEAGES]
    return np.sqrt(0.5) * (shared[origin_of_lineage] + rng.standard_normal((len(LINEAGES), n_genes)))


def _base_levels(n_genes: int, rng: np.random.Generator) -> np.ndarray:
    """Two thirds of the genes expressed, the others low or all but silent."""
    mean, spread = np.array([4.5, -1.5, -10.0]), np.array([1.6, 1.5, 1.5])
    level = rng.choice(3, n_genes, p=[0.66, 0.19, 0.15])
    return mean[level] + spread[level] * rng.standard_normal(n_genes)


def _lose_partners(latent: np.ndarray, plan: GenePlan, rng: np.random.Generator) -> None:
    """Partners of paralogs are well expressed, and lost altogether in some lines."""
    for gene in plan.partner[plan.partner >= 0].tolist():
        _set_level(latent, gene, rng.uniform(3.5, 6.0), 0.6)
        lost = rng.random(len(latent)) < rng.uniform(0.10, 0.30)
        latent[lost, gene] = rng.normal(-4.0, 1.0, lost.sum())


def _gain_oncogenes(latent: np.ndarray, plan: GenePlan, rng: np.random.Generator) -> None:
    """Own-expression targets are expressed far above the ordinary in some lines, as if amplified."""
    for gene in np.flatnonzero(plan.kind == OWN).tolist():
        _set_level(latent, gene, rng.uniform(2.0, 4.0), 0.8)
        gained = rng.random(len(latent)) < rng.uniform(0.08, 0.25)
        latent[gained, gene] += rng.uniform(2.5, 5.0)


def _restrict_markers(
    latent: np.ndarray, plan: GenePlan, lineage_of_line: np.ndarray, rng: np.random.Generator
) -> None:
    """Markers are expressed in the lines of one lineage and hardly anywhere else."""
    for gene, lineage in zip(plan.markers.tolist(), plan.marker_lineage, strict=True):
        _set_level(latent, gene, rng.uniform(-4.0, -2.0), 1.0)
        latent[lineage_of_line == lineage, gene] += rng.uniform(6.0, 9.0)


def _set_level(latent: np.ndarray, gene: int, mean: float, spread: float) -> None:
    column = latent[:, gene]
    latent[:, gene] = mean + spread * (column - column.mean()) / column.std()


def _silent_genes(plan: GenePlan, rng: np.random.Generator) -> np.ndarray:
    """Genes to be zero in every line, none of those whose expression something depends on."""
    needed = np.concatenate([plan.partner[plan.partner >= 0], np.flatnonzero(plan.kind == OWN), plan.markers])
    candidates = np.setdiff1d(np.arange(plan.n_expressed), needed)
    return rng.choice(candidates, max(2, round(ALWAYS_ZERO * plan.n_expressed)), replace=False)
