"""The real files of mutations, copy number and protein, as layers of a Dataset: pandas is the oracle."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.importing.importer import import_release
from tests.tasks.importing.test_layers import layer_of

REAL = (
    "copynumber_24q4_150genes", "mutations_damaging_24q4_145genes", "mutations_hotspot_24q4_150genes",
    "mutations_damaging_25q3", "mutations_hotspot_25q3", "rppa_ccle_20180123",
)  # fmt: skip


@pytest.fixture(scope="module")
def real(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The real files as pandas reads them, and two Datasets: of matrices, and of lists."""
    out = tmp_path_factory.mktemp("real")
    path = {name: real_data / f"{name}.parquet" for name in REAL}
    effect = pd.read_parquet(real_data / "gene_dependency_level_22q1.parquet").iloc[:, :40]
    effect.to_parquet(out / "effect.parquet")
    base: dict[str, Any] = {
        "effect": out / "effect.parquet",
        "expression": real_data / "expression.parquet",
        "models": real_data / "models.parquet",
    }
    matrices = import_release(
        **base, out=out / "matrices", mutations=[path[REAL[1]], path[REAL[2]]], copy_number=path[REAL[0]],
        protein=path[REAL[5]],
    )  # fmt: skip
    lists = import_release(**base, out=out / "lists", mutations=[path[REAL[3]], path[REAL[4]]])
    return {name: pd.read_parquet(path[name]) for name in REAL} | {"matrices": matrices, "lists": lists}


@pytest.mark.long
def test_real_matrices_are_as_pandas_reads_them(real: dict[str, Any]):
    dataset = real["matrices"]
    assert [int(layer.measured.sum()) for layer in dataset.layers] == [980, 980, 603]
    assert [len(layer.features) for layer in dataset.layers] == [244, 150, 214]
    copies, protein = (layer_of(dataset, name) for name in ("copy_number", "protein"))
    wanted = real[REAL[0]].reindex(dataset.cell_lines)[list(copies.features)]
    np.testing.assert_allclose(copies.values, np.log2(wanted.to_numpy(dtype=float) + 1), rtol=1e-6)
    wanted = real[REAL[5]].reindex(dataset.cell_lines)[list(protein.features)]
    np.testing.assert_array_equal(protein.values, wanted.to_numpy())
    mutated = layer_of(dataset, "mutations")
    for kind, name in (("damaging", REAL[1]), ("hotspot", REAL[2])):
        columns = [i for i, feature in enumerate(mutated.features) if feature.endswith(kind)]
        genes = [mutated.features[i].removesuffix(f" {kind}") for i in columns]
        wanted = real[name].reindex(dataset.cell_lines)
        np.testing.assert_array_equal(mutated.values[:, columns], wanted[genes].to_numpy(dtype=np.float32))
        dropped = wanted.drop(columns=genes)
        assert (dropped.nunique() <= 1).all()


def test_real_lists_are_zero_where_a_sequenced_line_is_not_listed(real: dict[str, Any]):
    dataset, (damaging, hotspot) = real["lists"], (real[REAL[3]], real[REAL[4]])
    (mutated,) = dataset.layers
    sequenced = set(damaging["model_id"]) | set(hotspot["model_id"])
    assert mutated.measured.tolist() == [line in sequenced for line in dataset.cell_lines]
    assert int(mutated.measured.sum()) == 974
    listed = hotspot[hotspot["model_id"].isin(dataset.cell_lines)]
    row = {line: i for i, line in enumerate(dataset.cell_lines)}
    expected = {gene: np.zeros(len(row)) for gene in hotspot["symbol"]}
    for line, gene, level in listed.itertuples(index=False):
        expected[gene][row[line]] = level
    kept = [feature for feature in mutated.features if feature.endswith(" hotspot")]
    assert len(kept) == 49
    for feature in kept:
        values = mutated.values[mutated.measured, mutated.features.index(feature)]
        np.testing.assert_array_equal(values, expected[feature.removesuffix(" hotspot")][mutated.measured])
    # The matrices of another release know 980 of these lines; the lists miss the few without any entry.
    known = dict(zip(dataset.cell_lines, layer_of(real["matrices"], "mutations").measured, strict=True))
    missed = [line for line in dataset.cell_lines if known[line] and line not in sequenced]
    assert len(missed) < 10
