"""Files given as a layer that are something else: refused where that is certain, else doubted."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tasks.importing.importer import import_release
from tasks.importing.layer_tables import NO_LEVELS

N, GENES = 24, ["TP53 (7157)", "KRAS (3845)", "NRAS (4893)"]
LINES = [f"ACH-{i:06d}" for i in range(N)]


def matrix(values: np.ndarray, genes: list[str] = GENES) -> pd.DataFrame:
    return pd.DataFrame(values, index=LINES, columns=genes)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(8)


@pytest.fixture
def release(tmp_path: Path, rng: np.random.Generator) -> Path:
    matrix(rng.normal(size=(N, 3))).to_csv(tmp_path / "effect.csv")
    matrix(rng.uniform(0, 9, (N, 3))).to_csv(tmp_path / "expression.csv")
    rows = [f"{line},Lung" for line in LINES]
    (tmp_path / "models.csv").write_text("\n".join(["ModelID,OncotreeLineage", *rows]) + "\n")
    return tmp_path


def imported(release: Path, **files: pd.DataFrame | str) -> Dataset:
    paths: dict[str, Any] = {}
    for name, content in files.items():
        paths[name] = release / f"given_{name}.csv"
        if isinstance(content, str):
            paths[name].write_text(content)
        else:
            content.to_csv(paths[name])
    return import_release(release, out=release / "d", **paths)


def test_the_effect_is_no_protein_and_mutations_no_copy_number_and_all_is_said_at_once(
    release: Path, rng: np.random.Generator
):
    effect = pd.read_csv(release / "effect.csv", index_col=0)
    calls = matrix(rng.integers(0, 3, (N, 3)))
    with pytest.raises(BadInputError) as caught:
        imported(release, protein=effect.iloc[::-1], copy_number=calls, mutations=effect)
    found = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 3
    assert "given_mutations.csv: column" in found  # cannot even be read as mutations
    assert "given_protein.csv: its values are those of the effect file (effect.csv)" in found
    assert "given_copy_number.csv: holds only 0, 1 and 2" in found
    assert "--mutations takes them" in found
    assert not (release / "d").exists()


@pytest.mark.parametrize("role", ["copy_number", "protein"])
def test_levels_and_the_expression_are_refused(release: Path, rng: np.random.Generator, role: str):
    with pytest.raises(BadInputError, match=f"holds only 0, 1 and 2.*Leave --{role.replace('_', '-')} out"):
        imported(release, **{role: matrix(rng.integers(0, 3, (N, 3)))})
    expression = pd.read_csv(release / "expression.csv", index_col=0)
    with pytest.raises(BadInputError, match="those of the expression file"):
        imported(release, **{role: expression})


def test_the_expression_and_the_effect_are_no_drug_response(release: Path):
    for name in ("expression", "effect"):
        given = pd.read_csv(release / f"{name}.csv", index_col=0)
        with pytest.raises(BadInputError, match=rf"those of the {name} file .*or leave --drug-response out"):
            imported(release, drug_response=given)


def test_one_table_is_not_effect_and_expression(release: Path):
    effect = pd.read_csv(release / "effect.csv", index_col=0)
    with pytest.raises(BadInputError, match="hold the same values; expected what knocking genes out does"):
        imported(release, expression=effect)


def test_likely_mistakes_are_warned_of(release: Path, rng: np.random.Generator):
    effect = pd.read_csv(release / "effect.csv", index_col=0)
    other = effect + rng.normal(scale=0.3, size=effect.shape)
    counts = matrix(rng.integers(1, 9, (N, 3)))
    listed = "\n".join(["model_id,symbol", *(f"{line},TP53" for line in LINES[:15])]) + "\n"
    report = imported(
        release, protein=other, copy_number=counts, mutations=listed + f"{LINES[20]},KRAS\n"
    ).report
    first, second = (text for text in report["warnings"] if "given_" in text)
    assert "given_copy_number.csv (--copy-number): whole numbers only" in first
    assert "given_protein.csv (--protein): its values go with those of the effect file (r 0.9" in second
    read = report["files not written as plain text, and how they were read"]
    assert read == [f"given_mutations.csv: {NO_LEVELS}"]


def test_layers_as_they_should_be_raise_no_doubt(release: Path, rng: np.random.Generator):
    mutations = matrix(rng.integers(0, 3, (N, 3)))
    copies = matrix(rng.uniform(0.5, 1.6, (N, 3)))
    protein = matrix(rng.normal(size=(N, 3)), ["AKT_pS473", "P53", "MYC"])
    dataset = imported(release, protein=protein, copy_number=copies, mutations=mutations)
    assert [layer.name for layer in dataset.layers] == ["mutations", "copy_number", "protein"]
    assert not [text for text in dataset.report["warnings"] if "given_" in text]
