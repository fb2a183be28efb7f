"""The layers of an import: mutations, copy number, protein and covariates, fitted to the Dataset's lines."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from tasks.dataset import layers as kinds
from tasks.dataset.gene_labels import duplicate_genes, name_genes
from tasks.dataset.layers import Layer
from tasks.errors import BadInputError
from tasks.importing import layouts
from tasks.importing.alignment import fit_to_lines
from tasks.importing.cell_line_table import ModelsTable
from tasks.importing.layer_tables import Covariates
from tasks.importing.layouts import MUTATION_ROLES, flag_of
from tasks.importing.matrices import Matrix

FEWEST_LINES = 10  # of the Dataset, that a layer is for
MOST_AS_LOG = 10.0  # log2(x + 1) of any copy number stays below, relative numbers of many genes do not
USUAL_MEDIAN = (0.5, 1.5)  # of relative copy numbers and of their log2(x + 1): both are 1 where x is 1

_ROLES = {
    kinds.MUTATIONS: tuple(MUTATION_ROLES),
    kinds.COPY_NUMBER: (layouts.COPY_NUMBER,),
    kinds.PROTEIN: (layouts.PROTEIN,),
    kinds.COVARIATES: (layouts.COVARIATES,),
}


@dataclass(frozen=True, eq=False)
class _Part:
    """One file of a layer for the Dataset's lines (NaN: not measured), and what its import has to say."""

    role: str
    matrix: Matrix
    features: tuple[str, ...]
    values: Float32[np.ndarray, "cell_lines features"]
    others: tuple[str, ...]
    renamed: tuple[str, ...]
    turned: bool = False

    def take(self, columns: Bool[np.ndarray, " features"]) -> "_Part":
        kept = tuple(name for name, keep in zip(self.features, columns, strict=True) if keep)
        return replace(self, features=kept, values=self.values[:, columns])

    @property
    def lines(self) -> Bool[np.ndarray, " cell_lines"]:
        """Which lines have a value."""
        return ~np.isnan(self.values).all(axis=1)


def import_layers(
    parts: Mapping[str, Any], cell_lines: Sequence[str], models: ModelsTable, min_coverage: float
) -> tuple[list[Layer], dict[str, Any]]:
    """The layers that were read (`parts`, by role), rows in the order of `cell_lines`; entries of the report.

    Features known on fewer than `min_coverage` of a file's lines are set aside (covariates never), then those
    that are constant over the lines.

    Raises:
        BadInputError: every layer without a feature left, or that fewer than `FEWEST_LINES` lines have.
    """
    layers: list[Layer] = []
    report: dict[str, Any] = {}
    problems: list[str] = []
    for name, roles in _ROLES.items():
        files = [_fitted(role, parts[role], cell_lines, models) for role in roles if role in parts]
        if not files:
            continue
        try:
            layer, of_layer = _layer(name, files, len(cell_lines), min_coverage)
        except BadInputError as error:
            problems += error.problems
            continue
        layers.append(layer)
        report |= of_layer
        if name == kinds.COVARIATES:
            report["covariates: words of too few lines, without a column (how many)"] = list(
                parts[roles[0]].rare
            )
    if problems:
        raise BadInputError(problems)
    return layers, _summary(layers) | report


def _fitted(role: str, part: Matrix | Covariates, cell_lines: Sequence[str], models: ModelsTable) -> _Part:
    matrix = part.matrix if isinstance(part, Covariates) else part
    found = fit_to_lines(matrix, cell_lines, models.line_names)
    return _Part(
        role,
        matrix,
        tuple(found.columns),
        found.values,
        tuple(found.others),
        tuple(found.renamed),
        found.turned,
    )


def _layer(name: str, files: list[_Part], n_lines: int, min_coverage: float) -> tuple[Layer, dict[str, Any]]:
    """One layer of its files; BadInputError where it cannot be used."""
    problems = [problem for part in files for problem in _unusable(part, n_lines)]
    if problems:
        raise BadInputError(problems)
    report: dict[str, Any] = {}
    if name == kinds.MUTATIONS:
        files, report = _zeros_filled(files)
    if name == kinds.COPY_NUMBER:
        files, report = _as_log(files)
    if name in (kinds.MUTATIONS, kinds.COPY_NUMBER):
        files = [replace(part, features=_gene_names(part)) for part in files]
    least = 0.0 if name == kinds.COVARIATES else min_coverage
    kept = [part.take(_covered(part, least)) for part in files]
    varied = [part.take(_varies(part.values)) for part in kept]
    features = tuple(feature for part in varied for feature in part.features)
    if not features:
        raise BadInputError(
            f"{files[0].matrix.file}: no feature varies over the Dataset's lines; "
            f"leave {flag_of(files[0].role)} out"
        )
    said = name.replace("_", " ")
    report |= {
        f"{said}: known on fewer than {least:.0%} of their lines, set aside": _without(files, kept),
        f"{said}: constant over these lines, dropped": _without(kept, varied),
        f"{said}: cell lines stand as columns (files)": [Path(p.matrix.file).name for p in files if p.turned],
        f"{said}: cell lines set aside": sorted({line for part in files for line in part.others}),
        f"{said}: cell lines known by another name": [line for part in files for line in part.renamed],
    }
    return Layer(name, features, np.concatenate([part.values for part in varied], axis=1)), report


def _unusable(part: _Part, n_lines: int) -> list[str]:
    """Why a file cannot be used for these lines."""
    problems = []
    count, file, flag = int(part.lines.sum()), part.matrix.file, flag_of(part.role)
    if count < FEWEST_LINES:
        ids = ", ".join(part.matrix.ids[:3])
        problems.append(
            f"{file}: it has {count} of the Dataset's {n_lines} cell lines (its ids: {ids}, ...); expected at"
            f" least {FEWEST_LINES}, by ids such as ACH-000001 or names of the models table: check the ids, "
            f"or leave {flag} out"
        )
    if part.role in (layouts.COVARIATES, layouts.PROTEIN):
        twice = [name for name, times in Counter(part.features).items() if times > 1]
    else:
        twice = [label for label, _ in duplicate_genes(part.features)]
    return problems + [f"{file}: {label!r} is named twice; keep one of them" for label in twice]


def _zeros_filled(files: list[_Part]) -> tuple[list[_Part], dict[str, Any]]:
    """Lists of entries, with 0 for lines that only other files of mutations name.

    A line in any of the files was sequenced; one in none may never have been.
    """
    if not any(part.matrix.entries_only for part in files):
        return files, {}
    sequenced = np.logical_or.reduce([part.lines for part in files])
    filled = []
    for part in files:
        values = part.values.copy()
        if part.matrix.entries_only:
            values[sequenced & ~part.lines] = 0.0
        filled.append(replace(part, values=values))
    return filled, {
        "mutations: lists of entries": (
            "what they do not list is 0 for lines named in any file of mutations; "
            f"{int((~sequenced).sum())} lines named in none count as not measured"
        )
    }


def _as_log(files: list[_Part]) -> tuple[list[_Part], dict[str, Any]]:
    """Copy number as log2(x + 1) of the relative number x, whichever of three forms it is given in.

    The whole file shows which, so that one file comes to the same in every Dataset.
    """
    (part,) = files
    known = part.matrix.values[~np.isnan(part.matrix.values)]
    low, high, median = float(known.min()), float(known.max()), float(np.median(known))
    values = part.values.astype(np.float64)
    if low < 0:
        how = f"log2(x) by its values below 0 (lowest {low:.4g}); log2(x + 1) taken"
        values, median = np.log2(np.exp2(values) + 1), float(np.exp2(median))
    elif high > MOST_AS_LOG:
        how = f"relative by its values above {MOST_AS_LOG:g} (highest {high:.4g}); log2(x + 1) taken"
        values = np.log2(values + 1)
    else:
        how = f"log2(x + 1) already, as no value is above {MOST_AS_LOG:g} or below 0 (highest {high:.4g})"
    if not USUAL_MEDIAN[0] <= median <= USUAL_MEDIAN[1]:
        how += f"; its median is {median:.3g}, not near 1: are these absolute numbers?"
    return [replace(part, values=values.astype(np.float32))], {"copy number": how}


def _gene_names(part: _Part) -> tuple[str, ...]:
    """Symbols, with the kind of mutation behind them."""
    kind = MUTATION_ROLES.get(part.role, "")
    return tuple(f"{label} {kind}".strip() for label in name_genes(part.features)[0].labels)


def _covered(part: _Part, least: float) -> Bool[np.ndarray, " features"]:
    known = ~np.isnan(part.values[part.lines])
    covered: np.ndarray = known.mean(axis=0) >= least
    return covered


def _varies(values: Float32[np.ndarray, "cell_lines features"]) -> Bool[np.ndarray, " features"]:
    """Which features have two values or more."""
    low, high = np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)
    varies: np.ndarray = high > low  # not where both are NaN
    return varies


def _without(before: list[_Part], after: list[_Part]) -> list[str]:
    kept = {(part.role, name) for part in after for name in part.features}
    return [name for part in before for name in part.features if (part.role, name) not in kept]


def _summary(layers: Sequence[Layer]) -> dict[str, Any]:
    """How many lines have each layer."""
    if not layers:
        return {}
    return {
        "layers": [
            f"{layer.name} of {int(layer.measured.sum())} of {len(layer.values)} lines "
            f"({len(layer.features)} features)"
            for layer in layers
        ]
    }
