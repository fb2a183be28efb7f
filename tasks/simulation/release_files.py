"""A simulation in the file layouts of DepMap releases: which file holds what, under which header.

Files have the same bytes for the same values.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from modeling.seeds import generator
from tasks.simulation.biology import Simulation
from tasks.simulation.cell_lines import LINEAGES, Lineage

LINEAGE_OF_NAME = {lineage.name: lineage for lineage in LINEAGES}
BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Release:
    """A simulation, which of its lines each file holds (row numbers, in file order), and its seed."""

    simulation: Simulation
    expressed: np.ndarray
    screened: np.ndarray
    gene_order: np.ndarray
    seed: int

    def ids(self, rows: np.ndarray) -> list[str]:
        """Model ids of the given rows."""
        return [self.simulation.cell_lines[row] for row in rows]


def arrange(simulation: Simulation, only_expressed: int, seed: int) -> Release:
    """Decide the files' rows and columns.

    Of the unshared lines the first `only_expressed` have no screen and the others no expression. As in
    DepMap, screens are sorted by model id and expression rows and genes are in an order of their own.
    """
    order = generator(seed, "simulate", "file order")
    n_lines, n_shared = len(simulation.cell_lines), simulation.n_shared
    expressed = order.permutation(n_shared + only_expressed)
    screened = np.concatenate([np.arange(n_shared), np.arange(n_shared + only_expressed, n_lines)])
    by_id = np.argsort([simulation.cell_lines[row] for row in screened], kind="stable")
    return Release(simulation, expressed, screened[by_id], order.permutation(len(simulation.genes)), seed)


def write_22q2(release: Release, folder: Path) -> None:
    """22Q2: CRISPR_gene_effect.csv, CCLE_expression.csv (first header cell empty), sample_info.csv."""
    _write_screens(release, folder / "CRISPR_gene_effect.csv", "DepMap_ID", release.simulation.effect)
    _write_expression(release, folder / "CCLE_expression.csv")
    _write_texts(folder / "sample_info.csv", _sample_info(release.simulation))


def write_24q4(release: Release, folder: Path) -> None:
    """24Q4: gene effect and dependency and expression under an empty first header cell, and Model.csv."""
    effect = release.simulation.effect
    _write_screens(release, folder / "CRISPRGeneEffect.csv", "", effect)
    _write_screens(release, folder / "CRISPRGeneDependency.csv", "", dependency(effect))
    _write_expression(release, folder / "OmicsExpressionProteinCodingGenesTPMLogp1.csv")
    _write_texts(folder / "Model.csv", _models(release.simulation))


def write_25q3(release: Release, folder: Path) -> None:
    """25Q3: one expression row per sequencing, of which one per model is the default; gene effect;
    Model.csv.
    """
    _write_screens(release, folder / "CRISPRGeneEffect.csv", "", release.simulation.effect)
    _write_sequencings(release, folder / "OmicsExpressionTPMLogp1HumanProteinCodingGenes.csv")
    _write_texts(folder / "Model.csv", _models(release.simulation))


LAYOUTS: Mapping[str, Callable[[Release, Path], None]] = {
    "22Q2": write_22q2,
    "24Q4": write_24q4,
    "25Q3": write_25q3,
}


def dependency(effect: np.ndarray) -> np.ndarray:
    """Probability of dependency, f32 in 0..1, to 6 decimals: 1/2 at an effect of -0.5, about 0.99 at -1;
    NaN kept.
    """
    return np.round(1.0 / (1.0 + np.exp(10.0 * (effect.astype(np.float64) + 0.5))), 6).astype(np.float32)


def _labels(symbols: tuple[str, ...], entrez: np.ndarray) -> list[str]:
    return [f"{symbol} ({number})" for symbol, number in zip(symbols, entrez, strict=True)]


def _write_screens(release: Release, path: Path, corner: str, values: np.ndarray) -> None:
    simulation = release.simulation
    labels = _labels(simulation.targets, simulation.target_entrez)
    _write_matrix(path, {corner: release.ids(release.screened)}, labels, values[release.screened])


def _expression(release: Release, rows: np.ndarray) -> tuple[list[str], np.ndarray]:
    labels = _labels(release.simulation.genes, release.simulation.gene_entrez)
    values = release.simulation.expression[np.ix_(rows, release.gene_order)]
    return [labels[gene] for gene in release.gene_order], values


def _write_expression(release: Release, path: Path) -> None:
    labels, values = _expression(release, release.expressed)
    _write_matrix(path, {"": release.ids(release.expressed)}, labels, values)


def _write_sequencings(release: Release, path: Path) -> None:
    """About one line in twenty (one at least) was sequenced twice: a second entry, not the default, other
    values.

    Every other second entry is of another condition of the model, of which it is then the default. Rows are
    in the order of the sequencing ids, so a model's default entry may come first or second.
    """
    draw = generator(release.seed, "simulate", "sequencings")
    n_first = len(release.expressed)
    again = draw.choice(n_first, max(1, n_first // 20), replace=False)
    rows = np.concatenate([release.expressed, release.expressed[again]])
    labels, values = _expression(release, rows)
    repeated = values[n_first:]
    changed = np.maximum(repeated + draw.normal(0.0, 0.3, repeated.shape), 0.0)
    values[n_first:] = np.where(repeated > 0, np.round(changed, 4), 0.0)
    second = np.arange(len(rows)) >= n_first
    other_condition = second & (np.arange(len(rows)) % 2 == 0)
    models = release.ids(rows)
    conditions = [
        f"MC-{model[4:]}-{'B' if other else 'A'}"
        for model, other in zip(models, other_condition, strict=True)
    ]
    order = draw.permutation(len(rows))
    keys = {
        "": [str(number) for number in range(len(rows))],
        "SequencingID": [f"CDS-{_base36(number)}" for number in range(len(rows))],
        "ModelID": [models[row] for row in order],
        "IsDefaultEntryForModel": [_yes(not second[row]) for row in order],
        "ModelConditionID": [conditions[row] for row in order],
        "IsDefaultEntryForMC": [_yes(not second[row] or other_condition[row]) for row in order],
    }
    _write_matrix(path, keys, labels, values[order])


def _yes(flag: bool | np.bool_) -> str:
    return "Yes" if flag else "No"


def _base36(number: int) -> str:
    """Six characters, ascending with the number."""
    number += 36**5
    return "".join(BASE36[number // 36**place % 36] for place in range(5, -1, -1))


def _models(simulation: Simulation) -> dict[str, list[str]]:
    """The part of Model.csv's columns that a simulation can fill, in DepMap's order, sorted by model id."""
    rows = np.argsort(simulation.cell_lines, kind="stable")
    lineages = [LINEAGE_OF_NAME[simulation.lineages[row]] for row in rows]
    numbers = [simulation.cell_lines[row][4:] for row in rows]
    return {
        "ModelID": [f"ACH-{number}" for number in numbers],
        "PatientID": [f"PT-{number}" for number in numbers],
        "CellLineName": [f"SIM-{number}" for number in numbers],
        "StrippedCellLineName": [f"SIM{number}" for number in numbers],
        "DepmapModelType": [lineage.code for lineage in lineages],
        "OncotreeLineage": [lineage.name for lineage in lineages],
        "OncotreePrimaryDisease": [lineage.disease for lineage in lineages],
        "OncotreeSubtype": [lineage.disease for lineage in lineages],
        "OncotreeCode": [lineage.code for lineage in lineages],
        "PublicComments": ["simulated, no real cell line" for _ in lineages],
        "CCLEName": [_ccle_name(number, line) for number, line in zip(numbers, lineages, strict=True)],
    }


def _sample_info(simulation: Simulation) -> dict[str, list[str]]:
    """The part of 22Q2's sample_info.csv that a simulation can fill, sorted by model id."""
    models = _models(simulation)
    lineages = [LINEAGE_OF_NAME[name] for name in models["OncotreeLineage"]]
    return {
        "DepMap_ID": models["ModelID"],
        "cell_line_name": models["CellLineName"],
        "stripped_cell_line_name": models["StrippedCellLineName"],
        "CCLE_Name": models["CCLEName"],
        "primary_disease": models["OncotreePrimaryDisease"],
        "depmap_public_comments": models["PublicComments"],
        "lineage": [lineage.legacy for lineage in lineages],
        "lineage_subtype": models["OncotreeCode"],
    }


def _ccle_name(number: str, lineage: Lineage) -> str:
    return f"SIM{number}_{lineage.legacy.upper()}"


def _write_matrix(
    path: Path, keys: Mapping[str, Sequence[str]], labels: Sequence[str], values: np.ndarray
) -> None:
    """Write a rows x columns matrix with key columns before it.

    `keys` maps the header cell ("" for DepMap's empty one) to one text per row; `labels` are the other
    header cells. Each float32 is written with the fewest digits that read back as itself; NaN as an empty
    cell. Texts must need no quotes, as DepMap's ids and labels never do.
    """
    columns = [pa.array(list(column), pa.string()) for column in keys.values()]
    columns += [pa.array(column, from_pandas=True) for column in np.ascontiguousarray(values.T)]
    table = pa.table(columns, names=[str(number) for number in range(len(columns))])
    with path.open("wb") as file:
        file.write((",".join([*keys, *labels]) + "\n").encode())
        options = pa.csv.WriteOptions(include_header=False, quoting_style="none")
        pa.csv.write_csv(table, file, options)


def _write_texts(path: Path, columns: Mapping[str, Sequence[str]]) -> None:
    """Write a small table of texts, quoting only where a text holds a comma or a quote, as DepMap does."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
