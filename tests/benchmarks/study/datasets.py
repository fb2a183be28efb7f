"""The datasets of the study, imported or simulated into the work folder once."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from modeling.seeds import generator
from tasks.dataset.dataset import Dataset, write_dataset
from tasks.importing.importer import import_release
from tasks.simulation.biology import Simulation, simulate_arrays
from tasks.simulation.cell_lines import LINEAGES
from tasks.simulation.genes import LINEAGE, LINEAR, OWN, PARALOG, plan_genes, symbol

DATA = Path("../shared/data")
SIMULATED_WITH = 20261128  # seed of the simulated releases
LINES = 1000  # of a simulated release

LEVELS = ("gene_dependency_level_22q1", "expression")
CHRONOS = ("gene_effect_chronos_24q4_75genes", "expression_joined")
BREAST = ("gene_dependency_level_22q1", "expression_breast_rnaseq_marcotte")
# What `import` takes beside the two matrices, by its Python name.
LEVEL_LAYERS = {
    "mutations": ("mutations_damaging_25q3", "mutations_hotspot_25q3"),
    "copy_number": ("copynumber_24q4_150genes",),
    "protein": ("rppa_ccle_20180123",),
}
CHRONOS_LAYERS = {
    "mutations": ("mutations_damaging_24q4_145genes", "mutations_hotspot_24q4_150genes"),
    "copy_number": ("copynumber_24q4_150genes",),
}


def dataset(name: str, work: Path) -> Dataset:
    """The dataset of that name (of `MAKERS`), made if it is not there."""
    path = work / "datasets" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        MAKERS[name](path)
    return Dataset.open(path)


def ceilings(name: str, work: Path) -> dict[str, float]:
    """Of a simulated release: r between each planted target and its planted part: no method can pass it."""
    path = work / "datasets" / f"{name}.ceilings.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def _levels(path: Path) -> None:
    _import(path, *LEVELS, LEVEL_LAYERS)


def _breast(path: Path) -> None:
    _import(path, *BREAST, {})


def _chronos(path: Path) -> None:
    """The panel's genes, and those of the 24Q4 package that it lacks."""
    first = pd.read_parquet(DATA / "expression.parquet")
    second = pd.read_parquet(DATA / "expression_24q4_150genes.parquet")
    kept = first.dropna(axis=1, thresh=1400)
    joined = kept.join(second.drop(columns=kept.columns, errors="ignore"), how="inner").dropna()
    joined.to_parquet(path.parent / f"{CHRONOS[1]}.parquet")
    _import(path, *CHRONOS, CHRONOS_LAYERS)


def _import(path: Path, effect: str, expression: str, layers: dict[str, tuple[str, ...]]) -> None:
    made = path.parent / f"{expression}.parquet"
    files = {name: [DATA / f"{file}.parquet" for file in named] for name, named in layers.items()}
    one = {name: paths[0] for name, paths in files.items() if name != "mutations"}
    import_release(
        effect=DATA / f"{effect}.parquet",
        expression=made if made.exists() else DATA / f"{expression}.parquet",
        models=DATA / "models.parquet",
        out=path,
        mutations=files.get("mutations", ()),
        **one,
    )


def _simulated(genes: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        world = simulate_arrays(LINES, genes, SIMULATED_WITH)
        known = ceilings_of(world, genes, SIMULATED_WITH)
        path.with_name(f"{path.name}.ceilings.json").write_text(json.dumps(known))
        write_dataset(
            path,
            expression=world.expression,
            effect=world.effect,
            cell_lines=world.cell_lines,
            genes=world.genes,
            targets=world.targets,
            lineages=world.lineages,
            gene_entrez=world.gene_entrez,
            target_entrez=world.target_entrez,
        )

    return make


def ceilings_of(world: Simulation, genes: int, seed: int) -> dict[str, float]:
    """For each planted target r between its measured effect and the sum of what was planted in it.

    Rebuilt from the plan and the truth, as `tasks.simulation.effects` describes them; needs a simulation
    without unshared lines.
    """
    plan = plan_genes(genes, generator(seed, "simulate", "genes"))
    number = {symbol(gene): gene for gene in range(plan.n_all)}
    column = {name: i for i, name in enumerate(world.targets)}
    found: dict[str, float] = {}
    for target, rows in world.truth.to_pandas().groupby("target"):
        gene, kind = number[str(target)], rows["kind"].iloc[0]
        signal = np.zeros(len(world.cell_lines))
        for row in rows.itertuples():
            signal += row.weight * _part(world, plan, gene, kind, number[row.modifier])
        effect = world.effect[:, column[str(target)]].astype(np.float64)
        known = ~np.isnan(effect)
        r = np.corrcoef(effect[known], signal[known])[0, 1] if np.ptp(signal[known]) else 0.0
        found[str(target)] = float(r)
    return found


def _part(world: Simulation, plan: object, gene: int, kind: str, modifier: int) -> np.ndarray:
    """What one modifier contributes per unit of weight; its offset does not matter."""
    level = world.expression[:, modifier].astype(np.float64)
    if kind == LINEAR:
        return (level - level.mean()) / level.std()
    if kind == PARALOG:
        return _logistic(level - 0.4 * np.median(level))
    if kind == OWN:
        return _logistic(level - (np.median(level) + np.quantile(level, 0.98)) / 2)
    if kind != LINEAGE:
        raise ValueError(f"simulated target of kind {kind!r}: expected linear, paralog, own or lineage")
    markers, of_lineage = plan.markers, plan.marker_lineage  # type: ignore[attr-defined]
    name = LINEAGES[of_lineage[np.searchsorted(markers, plan.marker_of[gene])]].name  # type: ignore[attr-defined]
    return (np.array(world.lineages) == name).astype(np.float64)


def _logistic(value: np.ndarray, width: float = 0.4) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-value / width))


MAKERS: dict[str, Callable[[Path], None]] = {
    "levels": _levels,
    "chronos": _chronos,
    "breast": _breast,
    "sim3000": _simulated(3000),
    "sim18000": _simulated(18_000),
}
