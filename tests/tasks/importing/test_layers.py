"""Mutations, copy number, protein and covariates: from files to the layers of a Dataset."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.dataset.dataset import Dataset
from tasks.dataset.layers import Layer
from tasks.errors import BadInputError
from tasks.importing.importer import import_release

N = 14
LINES = [f"ACH-{i:06d}" for i in range(N)]
OUTSIDE = "ACH-000999"
RNG = np.random.default_rng(4)


def frame(columns: list[str], values: np.ndarray, rows: list[str] = LINES) -> pd.DataFrame:
    return pd.DataFrame(values, index=rows, columns=columns)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A folder with effect, expression and models of 14 lines."""
    frame(["TP53 (7157)", "KRAS (3845)"], RNG.normal(size=(N, 2))).to_csv(tmp_path / "effect.csv")
    frame(["TP53 (7157)", "KRAS (3845)"], RNG.uniform(0, 9, (N, 2))).to_csv(tmp_path / "expression.csv")
    rows = [f"{line},Lung,LINE{i}_LUNG" for i, line in enumerate(LINES)]
    (tmp_path / "models.csv").write_text("\n".join(["ModelID,OncotreeLineage,CCLEName", *rows]) + "\n")
    return tmp_path


def imported(release: Path, **files: Any) -> Dataset:
    dataset = import_release(release, out=release / "d", **files)
    dataset.verify()
    return dataset


def layer_of(dataset: Dataset, name: str) -> Layer:
    return next(layer for layer in dataset.layers if layer.name == name)


def problems_of(release: Path, **files: Any) -> list[str]:
    with pytest.raises(BadInputError) as caught:
        import_release(release, out=release / "d", **files)
    assert not (release / "d").exists()
    return list(caught.value.problems)


def mutations(rows: list[str], genes: int = 2) -> pd.DataFrame:
    labels = ["KRAS (3845)", "TP53 (7157)", "NRAS (4893)"][:genes]
    return frame(labels, np.add.outer(np.arange(len(rows)), 2 * np.arange(genes)) % 3, rows)


def test_matrices_of_a_release_folder_are_found_under_depmaps_names(release: Path):
    """Damaging since 25Q2 (default entries, other columns), hotspot before; copy number; signatures."""
    damaging = mutations(LINES[::-1])
    described = pd.DataFrame({
        "SequencingID": [f"CDS-{i}" for i in range(N + 1)],
        "ModelID": [*damaging.index, LINES[0]],
        "IsDefaultEntryForModel": ["Yes"] * N + ["No"],
    })  # fmt: skip
    whole = pd.concat([damaging.reset_index(drop=True), damaging.iloc[:1] + 1], ignore_index=True)
    pd.concat([described, whole.clip(upper=2)], axis=1).to_csv(
        release / "OmicsSomaticMutationsMatrixDamaging.csv"
    )
    hotspot = mutations([*LINES[:-2], OUTSIDE], 3)
    hotspot["NRAS (4893)"] = 0
    hotspot.to_csv(release / "OmicsSomaticMutationsMatrixHotspot_25Q3.csv.gz")
    copies = frame(["KRAS (3845)"], RNG.uniform(0.5, 60, (N, 1)))
    copies.to_csv(release / "OmicsCNGene.csv")
    signatures = "\n".join(f"{i},CDS-{i},{line},Yes,{i / 2}" for i, line in enumerate(LINES))
    (release / "OmicsGlobalSignatures.csv").write_text(
        f",SequencingID,ModelID,IsDefaultEntryForModel,MSIScore\n{signatures}\n"
    )
    dataset = imported(release)
    found = layer_of(dataset, "mutations")
    assert found.features == ("KRAS damaging", "TP53 damaging", "KRAS hotspot", "TP53 hotspot")
    np.testing.assert_array_equal(found.values[:, :2], damaging.loc[LINES])
    np.testing.assert_array_equal(found.values[:-2, 2:], hotspot.loc[LINES[:-2]].iloc[:, :2])
    assert np.isnan(found.values[-2:, 2:]).all()  # a matrix says which lines it covers
    np.testing.assert_allclose(
        layer_of(dataset, "copy_number").values, np.log2(copies.to_numpy() + 1), rtol=1e-6
    )
    assert layer_of(dataset, "covariates").features == ("MSIScore",)
    report = dataset.report
    assert report["mutations: constant over these lines, dropped"] == ["NRAS hotspot"]
    assert report["mutations: cell lines set aside"] == [OUTSIDE]
    assert report["layers"] == [
        "mutations of 14 of 14 lines (4 features)",
        "copy_number of 14 of 14 lines (1 features)",
        "covariates of 14 of 14 lines (1 features)",
    ]


def entries(*rows: tuple[str, str, int]) -> str:
    return (
        "\n".join(["model_id,symbol,level", *(f"{line},{gene},{level}" for line, gene, level in rows)]) + "\n"
    )


def test_a_list_of_entries_is_0_for_lines_named_in_any_list_and_unknown_for_others(release: Path):
    """ACH-000013 is named nowhere; ACH-000012 has nothing but an entry of level 0, and so was sequenced."""
    (release / "mutations_damaging.csv").write_text(
        entries(*[(line, "TP53", 1 + i % 2) for i, line in enumerate(LINES[:11])], (OUTSIDE, "TP53", 1))
    )
    (release / "mutations_hotspot.csv").write_text(
        entries(
            *[(line, "KRAS (3845)", 2) for line in LINES[:10] if line != LINES[1]],
            (LINES[0], "KRAS (3845)", 1),
            (LINES[11], "NRAS", 1),
            (LINES[12], "KRAS (3845)", 0),
        )
    )
    dataset = imported(release)
    found = layer_of(dataset, "mutations")
    assert found.features == ("TP53 damaging", "KRAS hotspot", "NRAS hotspot")
    expected = np.zeros((N, 3), dtype=np.float32)
    expected[:11, 0] = [1 + i % 2 for i in range(11)]
    expected[:10, 1] = 2
    expected[1, 1] = 0
    expected[11, 2] = 1
    expected[13] = np.nan
    np.testing.assert_array_equal(found.values, expected)
    assert "1 lines named in none count as not measured" in dataset.report["mutations: lists of entries"]
    assert dataset.report["files not written as plain text, and how they were read"] == [
        "mutations_hotspot.csv: 1 rows name a line and gene again: the highest level counts"
    ]


def test_one_file_of_no_kind_names_genes_alone_and_named_files_replace_the_folders(release: Path):
    mutations(LINES).to_csv(release / "mutations_hotspot.csv")
    path = release / "mine.parquet"
    mutations(LINES, 3).to_parquet(path)
    dataset = imported(release, mutations=path)
    assert layer_of(dataset, "mutations").features == ("KRAS", "TP53", "NRAS")
    assert "mutations_hotspot" not in [source["role"] for source in dataset.sources]


@pytest.mark.parametrize(
    ("values", "expected", "words"),
    [
        ([0.0, 1.0, 35.0], np.log2([1.0, 2.0, 36.0]), "relative by its values above 10 (highest 35)"),
        ([0.0, 1.0, 5.2], [0.0, 1.0, 5.2], "log2(x + 1) already, as no value is above 10"),
        ([-1.0, 0.0, 3.0], np.log2([1.5, 2.0, 9.0]), "log2(x) by its values below 0 (lowest -1)"),
        ([2.0, 3.0, 35.0], np.log2([3.0, 4.0, 36.0]), "its median is 3, not near 1: are these absolute"),
    ],
)
def test_copy_number_is_log2_of_one_more_than_the_relative_number(release: Path, values, expected, words):
    numbers = np.array([values[i % 3] for i in range(N)])[:, None].repeat(2, 1)
    frame(["KRAS", "TP53"], numbers).to_csv(release / "copy_number.csv")
    dataset = imported(release)
    found = layer_of(dataset, "copy_number").values[:3, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert words in dataset.report["copy number"]


def test_what_a_file_of_copy_numbers_holds_is_decided_by_all_its_lines(release: Path):
    values = np.linspace(0.2, 2, N + 1)[:, None]
    values[N] = 40.0  # outside the Dataset
    frame(["KRAS"], values, [*LINES, OUTSIDE]).to_csv(release / "copy_number.csv")
    found = layer_of(imported(release), "copy_number").values
    np.testing.assert_allclose(found, np.log2(values[:N] + 1), rtol=1e-6)


def test_protein_by_other_names_of_lines_and_with_gaps(release: Path):
    """CCLE's own table: rows by CCLE name, antibodies as columns."""
    values = RNG.normal(size=(N, 4))
    values[:4, 1] = np.nan  # known on 10 of 13
    values[5, 2] = np.nan  # known on 12 of 13
    values[:, 3] = 1.5
    values[3] = np.nan
    table = frame(["p53", "4E-BP1_pS65", "HER2", "KU80"], values, [f"LINE{i}_LUNG" for i in range(N)])
    table.to_csv(release / "CCLE_RPPA_20180123.csv")
    frame(["KRAS"], RNG.uniform(0, 2, (N, 1))).T.to_csv(release / "copy_number.csv")  # lines as columns
    dataset = imported(release)
    found = layer_of(dataset, "protein")
    assert found.features == ("p53", "HER2")
    np.testing.assert_array_equal(found.values, values[:, [0, 2]].astype(np.float32))
    assert found.measured.tolist() == [i != 3 for i in range(N)]
    assert len(dataset.report["protein: cell lines known by another name"]) == N
    assert dataset.report["protein: known on fewer than 90% of their lines, set aside"] == ["4E-BP1_pS65"]
    assert layer_of(dataset, "copy_number").features == ("KRAS",)
    assert dataset.report["copy number: cell lines stand as columns (files)"] == ["copy_number.csv"]
    assert dataset.report["protein: cell lines stand as columns (files)"] == []


def test_covariates_are_numbers_and_a_column_for_each_word(release: Path):
    words = ["Female"] * 6 + ["Male"] * 6 + ["", "Unknown"]
    rows = [
        f"{line},{i / 4 if i != 2 else ''},{word},x,{3 + i % 2},L{i}"
        for i, (line, word) in enumerate(zip(LINES, words, strict=True))
    ]
    text = "\n".join(["cell_line,quality,sex,batch,library,name", *rows, f"{OUTSIDE},1,Female,x,3,L"])
    (release / "covariates.csv").write_text(text + "\n")
    dataset = imported(release)
    found = layer_of(dataset, "covariates")
    assert found.features == ("quality", "sex: Female", "sex: Male", "library")
    expected = np.array(
        [[i / 4, float(w == "Female"), float(w == "Male"), 3 + i % 2] for i, w in enumerate(words)],
        dtype=np.float32,
    )
    expected[2, 0] = np.nan
    expected[12, 1:3] = np.nan
    np.testing.assert_array_equal(found.values, expected)
    assert dataset.report["covariates: constant over these lines, dropped"] == ["batch: x"]
    said = dataset.report["covariates: words of too few lines, without a column (how many)"]
    assert said == ["sex (1)", "name (15)"]


def test_the_hash_follows_the_layers_and_nothing_else_of_a_dataset(release: Path):
    plain = import_release(release, out=release / "plain")
    again = import_release(release, out=release / "again")
    mutations(LINES).to_csv(release / "mutations.csv")
    with_layer = imported(release)
    assert plain.content_hash == again.content_hash != with_layer.content_hash
    np.testing.assert_array_equal(plain.expression, with_layer.expression)
    np.testing.assert_array_equal(plain.effect, with_layer.effect)


def test_every_problem_of_every_layer_is_named_at_once(release: Path):
    (release / "mutations_damaging.csv").write_text(
        "model_id,symbol,level\nACH-000001,TP53,3\nACH-000002,,1\n,KRAS,x\n"
    )
    mutations(LINES).replace(2, 0.5).to_csv(release / "mutations_hotspot.csv")
    (release / "covariates.csv").write_text(
        "cell_line,quality\n" + "".join(f"{line},{'high' if i == 3 else i}\n" for i, line in enumerate(LINES))
    )
    problems = problems_of(release, protein=release / "absent.csv")
    assert problems == [f"--protein {release / 'absent.csv'}: no such file; check the path"]
    problems = problems_of(release)
    told = "\n".join(problems)
    for words in (
        "damaging.csv: row 2: level '3'; expected 0, 1 or 2",
        "damaging.csv: row 3: no gene; name one",
        "damaging.csv: row 4: no cell line id; name one",
        "damaging.csv: row 4: level 'x'",
        "hotspot.csv: column 'KRAS (3845)': 0.5, and others in 1 more columns; expected 0, 1 or 2",
        "covariates.csv: column 'quality': 'high' in row 5 is not a number",
    ):
        assert words in told
    assert len(problems) == 6


def test_layers_of_too_few_lines_or_without_variation_are_named_together(release: Path):
    mutations([*LINES[:9], OUTSIDE]).to_csv(release / "mutations.csv")
    frame(["A", "B"], np.ones((N, 2))).to_csv(release / "protein.csv")
    (release / "effect.csv").write_text((release / "effect.csv").read_text())
    of_mutations, of_protein, of_measure = sorted(
        problems_of(release, measure="level"), key=lambda text: "--measure" in text
    )
    assert "mutations.csv: it has 9 of the Dataset's 14 cell lines" in of_mutations
    assert "expected at least 10" in of_mutations
    assert "protein.csv: no feature varies over the Dataset's lines; leave --protein out" in of_protein
    assert "--measure level does not fit" in of_measure


def test_two_files_of_one_kind_and_lists_without_levels_are_refused(release: Path):
    for name in ("hotspot_a", "Hotspot_b"):
        mutations(LINES).to_csv(release / f"{name}.csv")
    (problem,) = problems_of(release, mutations=[release / "hotspot_a.csv", release / "Hotspot_b.csv"])
    assert "a second file of hotspot mutations by its name, beside hotspot_a.csv" in problem
    (release / "maf.csv").write_text("ModelID,HugoSymbol,Chrom\nACH-000001,TP53,17\n")
    (problem,) = problems_of(release, mutations=[release / "maf.csv"])
    assert "expected the columns model_id, symbol and level (0, 1 or 2)" in problem
