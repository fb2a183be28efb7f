"""The files of a simulated release, as a user of the release would read them."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.errors import BadInputError
from tasks.simulation import release_files, simulate
from tasks.simulation.biology import simulate_arrays
from tasks.simulation.release_files import dependency
from tasks.simulation.simulate import simulate_release

LINES, GENES = 60, 120
FILES = {
    "22Q2": {"CRISPR_gene_effect.csv", "CCLE_expression.csv", "sample_info.csv"},
    "24Q4": {
        "CRISPRGeneEffect.csv",
        "CRISPRGeneDependency.csv",
        "OmicsExpressionProteinCodingGenesTPMLogp1.csv",
        "Model.csv",
    },
    "25Q3": {
        "CRISPRGeneEffect.csv",
        "OmicsExpressionTPMLogp1HumanProteinCodingGenes.csv",
        "Model.csv",
    },
}
TRUTH = {"truth.parquet", "truth_targets.parquet"}


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("releases")
    return {layout: simulate_release(folder / layout, LINES, GENES, layout, seed=3) for layout in FILES}


@pytest.fixture(scope="module")
def arrays():
    return simulate_arrays(LINES, GENES, 3, unshared=8)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def frame(values, rows, symbols, entrez) -> pd.DataFrame:
    columns = [f"{symbol} ({number})" for symbol, number in zip(symbols, entrez, strict=True)]
    return pd.DataFrame(values, index=list(rows), columns=columns)


def same_numbers(read: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Every row and column read is the array's, to the last bit of a float32."""
    wanted = expected.loc[read.index, read.columns]
    assert read.shape[1] == expected.shape[1]
    np.testing.assert_array_equal(read.to_numpy(np.float32), wanted.to_numpy(np.float32))


@pytest.mark.parametrize("layout", FILES)
def test_a_release_holds_its_own_files_and_the_truth(releases, layout):
    assert {path.name for path in releases[layout].iterdir()} == FILES[layout] | TRUTH


@pytest.mark.parametrize(
    ("layout", "name", "corner"),
    [
        ("22Q2", "CRISPR_gene_effect.csv", "DepMap_ID"),
        ("22Q2", "CCLE_expression.csv", ""),
        ("24Q4", "CRISPRGeneEffect.csv", ""),
        ("24Q4", "CRISPRGeneDependency.csv", ""),
        ("24Q4", "OmicsExpressionProteinCodingGenesTPMLogp1.csv", ""),
        ("25Q3", "CRISPRGeneEffect.csv", ""),
    ],
)
def test_matrix_files_hold_exactly_the_arrays(releases, arrays, layout, name, corner):
    path = releases[layout] / name
    assert path.read_text().split(",", 1)[0] == corner
    read = pd.read_csv(path, index_col=0)
    if "xpression" in name:
        expected = frame(arrays.expression, arrays.cell_lines, arrays.genes, arrays.gene_entrez)
    else:
        values = dependency(arrays.effect) if "Dependency" in name else arrays.effect
        expected = frame(values, arrays.cell_lines, arrays.targets, arrays.target_entrez)
    same_numbers(read, expected)
    assert read.index.is_unique


def test_some_lines_and_genes_are_in_one_file_only(releases):
    effect = pd.read_csv(releases["24Q4"] / "CRISPRGeneEffect.csv", index_col=0)
    expression = pd.read_csv(releases["24Q4"] / "OmicsExpressionProteinCodingGenesTPMLogp1.csv", index_col=0)
    assert len(effect.index.intersection(expression.index)) == LINES
    assert len(effect.index.difference(expression.index)) > 0
    assert len(expression.index.difference(effect.index)) > 0
    assert len(effect.columns.difference(expression.columns)) > 0
    assert len(expression.columns.difference(effect.columns)) > 0
    assert expression.shape[1] == GENES


def test_25q3_lists_sequencings_of_which_one_per_model_is_the_default(releases, arrays):
    path = releases["25Q3"] / "OmicsExpressionTPMLogp1HumanProteinCodingGenes.csv"
    read = pd.read_csv(path, index_col=0)
    keys = [
        "SequencingID",
        "ModelID",
        "IsDefaultEntryForModel",
        "ModelConditionID",
        "IsDefaultEntryForMC",
    ]
    assert path.read_text().startswith("," + ",".join(keys) + ",")
    assert list(read.index) == list(range(len(read)))
    assert read["SequencingID"].is_unique

    default = read["IsDefaultEntryForModel"] == "Yes"
    others = read[~default].set_index("ModelID").drop(columns=["SequencingID", *keys[2:]])
    defaults = read[default].set_index("ModelID").drop(columns=["SequencingID", *keys[2:]])
    assert defaults.index.is_unique
    assert len(others) > 0
    same_numbers(defaults, frame(arrays.expression, arrays.cell_lines, arrays.genes, arrays.gene_entrez))
    assert ((others - defaults.loc[others.index]).abs().max(axis=1) > 0.1).all()
    assert (others >= 0).all(axis=None)
    of_condition = read[read["IsDefaultEntryForMC"] == "Yes"]
    assert of_condition["ModelConditionID"].is_unique
    assert set(of_condition["ModelConditionID"]) == set(read["ModelConditionID"])


@pytest.mark.parametrize(
    ("layout", "name", "key", "lineage"),
    [
        ("24Q4", "Model.csv", "ModelID", "OncotreeLineage"),
        ("22Q2", "sample_info.csv", "DepMap_ID", "lineage"),
    ],
)
def test_every_line_has_a_row_and_a_lineage(releases, arrays, layout, name, key, lineage):
    models = pd.read_csv(releases[layout] / name, index_col=key)
    assert set(models.index) == set(arrays.cell_lines)
    assert models[lineage].notna().all()
    if layout == "24Q4":
        assert list(models.loc[list(arrays.cell_lines), lineage]) == list(arrays.lineages)


def test_the_truth_is_the_same_in_every_layout(releases, arrays):
    for name, table in (("truth.parquet", arrays.truth), ("truth_targets.parquet", arrays.truth_targets)):
        for folder in releases.values():
            pd.testing.assert_frame_equal(pd.read_parquet(folder / name), table.to_pandas())


def test_another_process_hash_seed_and_thread_count_write_the_same_bytes(releases, tmp_path):
    arguments = f"{str(tmp_path / 'again')!r}, {LINES}, {GENES}, '25Q3', 3"
    call = f"from tasks.simulation.simulate import simulate_release; simulate_release({arguments})"
    environment = os.environ | {"PYTHONHASHSEED": "12345", "OMP_NUM_THREADS": "2", "PYTHONPATH": "."}
    subprocess.run(
        [sys.executable, "-c", call], env=environment, cwd=Path(__file__).parents[3], check=True, timeout=60
    )
    assert digests(tmp_path / "again") == digests(releases["25Q3"])


def test_another_seed_writes_other_bytes_in_every_file_of_data(releases, tmp_path):
    other = digests(simulate_release(tmp_path / "other", LINES, GENES, "24Q4", seed=4))
    same = {name for name, digest in digests(releases["24Q4"]).items() if other[name] == digest}
    assert same == set()


def test_all_bad_arguments_are_named_at_once_and_nothing_is_written(tmp_path):
    out = tmp_path / "full"
    out.mkdir()
    (out / "precious.txt").write_text("kept")
    with pytest.raises(BadInputError) as caught:
        simulate_release(out, cell_lines=29, genes=49, layout="21Q1", seed=-1)
    text = caught.value.text()
    for word in ("full", "--cell-lines 29", "--genes 49", "--layout 21Q1", "24Q4", "--seed -1"):
        assert word in text
    assert len(caught.value.problems) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
    assert [path.name for path in out.iterdir()] == ["precious.txt"]


def test_a_release_too_large_for_memory_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="at most 200,000,000 values"):
        simulate_release(tmp_path / "out", 60_000, 20_000)


def test_an_empty_folder_is_taken_and_a_file_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    simulate_release(tmp_path / "empty", 30, 50)
    assert (tmp_path / "empty" / "Model.csv").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="not an empty folder"):
        simulate_release(tmp_path / "file", 30, 50)


def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def full_disk(release, folder):
        (folder / "CRISPRGeneEffect.csv").write_text("half")
        raise OSError("No space left on device")

    monkeypatch.setattr(simulate, "LAYOUTS", release_files.LAYOUTS | {"24Q4": full_disk})
    with pytest.raises(OSError, match="No space left"):
        simulate_release(tmp_path / "out", 30, 50)
    assert list(tmp_path.iterdir()) == []


def test_dependency_falls_with_effect_within_0_and_1():
    effect = np.linspace(-3, 1, 200, dtype=np.float32)
    probability = dependency(effect)
    assert probability.min() >= 0
    assert probability.max() <= 1
    assert (np.diff(probability) <= 0).all()
    assert dependency(np.float32([-1.0]))[0] > 0.95
    assert dependency(np.float32([0.0]))[0] < 0.05
    assert np.isnan(dependency(np.float32([np.nan]))).all()
