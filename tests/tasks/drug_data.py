"""A small Dataset with drugs whose response follows their target genes."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from tasks.dataset.dataset import Dataset, write_dataset

LINES, GENES, DRUGS = 60, 24, 20


def drug_dataset(path: Path, *, response: bool = True, targets: bool = True, named: int = DRUGS) -> Dataset:
    """20 drugs, the first `named` with targets; drug 2's are in no matrix, drug 3 is measured nowhere."""
    rng = np.random.default_rng(0)
    states = rng.standard_normal((LINES, 2)) @ rng.standard_normal((2, GENES))  # what genes share
    expression = (5.0 + states + 0.3 * rng.standard_normal((LINES, GENES))).astype(np.float32)
    effect = (-0.5 * expression + 0.3 * rng.standard_normal((LINES, GENES))).astype(np.float32)
    by_targets = 0.1 * (effect[:, :DRUGS] + effect[:, 1 : DRUGS + 1])
    values = by_targets + 0.03 * rng.standard_normal((LINES, DRUGS)) + 0.01 * np.arange(DRUGS)
    effect[4, 7], effect[:, 9] = np.nan, np.nan  # target 9 was screened in no line
    values[rng.random(values.shape) < 0.1] = np.nan
    values[[1, 2]], values[:, 3] = np.nan, np.nan
    genes = [f"G{i}" for i in range(GENES)]
    joined = [f"G{i}|G{i + 1}|NOWHERE" for i in range(named)]
    joined[2] = "NOWHERE"
    return write_dataset(
        path,
        expression=expression,
        effect=effect,
        cell_lines=[f"ACH-{i:06d}" for i in range(LINES)],
        genes=genes,
        targets=genes,
        drugs=[f"D{i}" for i in range(DRUGS)] if response else (),
        drug_response=values.astype(np.float32) if response else None,
        drug_targets=pa.table({"drug_id": [f"D{i}" for i in range(named)], "target_genes": joined})
        if targets
        else None,
    )
