"""Every layout DepMap has used is imported to the same Dataset."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tasks.importing.importer import import_release
from tasks.simulation.simulate import simulate_release

LINES = [f"ACH-{number:06d}" for number in (3, 1, 2, 5)]
GENES = ["TP53 (7157)", "KRAS (3845)", "DUX4 (100288687)"]
TARGETS = ["KRAS (3845)", "TP53 (7157)"]
RNG = np.random.default_rng(1)
EFFECT = RNG.normal(-0.5, 1, (4, 2)).round(6)
EXPRESSION = RNG.uniform(0, 9, (4, 3)).round(6)
EFFECT[1, 0] = np.nan


def table(rows: list[str], columns: list[str], values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(values, index=rows, columns=columns)


def write_models(
    path: Path, header: tuple[str, ...] = ("ModelID", "CellLineName", "OncotreeLineage")
) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *([line, f'"{line}", a', "Lung"] for line in LINES)])


def expect_the_release(dataset: Dataset) -> None:
    order = np.argsort(LINES)
    assert dataset.cell_lines == sorted(LINES)
    assert dataset.lineages == ["Lung"] * 4
    assert dataset.genes == ["TP53", "KRAS", "DUX4"]
    assert dataset.gene_entrez.tolist() == [7157, 3845, 100288687]
    assert dataset.targets == ["KRAS", "TP53"]
    assert dataset.own.tolist() == [1, 0]
    np.testing.assert_array_equal(dataset.expression, EXPRESSION[order].astype(np.float32))
    np.testing.assert_array_equal(dataset.effect, EFFECT[order].astype(np.float32))


@pytest.mark.parametrize(
    ("effect", "expression", "models", "header"),
    [
        ("gene_effect", "CCLE_depMap_18Q4_TPM_v2", "DepMap-2018q4-celllines", "DepMap_ID CCLE_Name lineage"),
        ("Achilles_gene_effect", "CCLE_expression", "sample_info", "DepMap_ID CCLE_name disease"),
        ("CRISPR_gene_effect", "CCLE_expression", "sample_info", "DepMap_ID CCLE_Name lineage"),
        (
            "CRISPRGeneEffect",
            "OmicsExpressionProteinCodingGenesTPMLogp1",
            "Model",
            "ModelID CellLineName OncotreeLineage",
        ),
    ],
)
def test_release_folders_before_25q2(tmp_path, effect, expression, models, header):
    header = tuple(header.split())
    index = header[0] if effect.startswith(("Ach", "CRISPR_")) else ""
    table(LINES, TARGETS, EFFECT).to_csv(tmp_path / f"{effect}.csv", index_label=index)
    table(LINES, GENES, EXPRESSION).to_csv(tmp_path / f"{expression}.csv")
    write_models(tmp_path / f"{models}.csv", header)
    dataset = import_release(tmp_path, out=tmp_path / "d")
    expect_the_release(dataset)
    assert dataset.measure == "effect"
    assert dataset.report["lineage from"] == header[2]


DESCRIPTIONS = [
    "SequencingID",
    "ModelID",
    "IsDefaultEntryForModel",
    "ModelConditionID",
    "IsDefaultEntryForMC",
]
ORDER_26Q1 = ["SequencingID", "ModelConditionID", "ModelID", "IsDefaultEntryForMC", "IsDefaultEntryForModel"]


@pytest.mark.parametrize("order", [DESCRIPTIONS, ORDER_26Q1])
@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_since_25q2_only_default_entries_count(tmp_path, order, kind):
    frame = table(LINES, GENES, EXPRESSION)
    second = table([LINES[0]], GENES, EXPRESSION[:1] + 1)
    frame = pd.concat([frame.iloc[:2], second, frame.iloc[2:]])
    described = pd.DataFrame(
        {
            "SequencingID": [f"CDS-{i}" for i in range(5)],
            "ModelID": frame.index,
            "IsDefaultEntryForModel": ["Yes", "Yes", "No", "Yes", "Yes"],
            "ModelConditionID": [f"MC-{i}" for i in range(5)],
            "IsDefaultEntryForMC": "Yes",
        }
    )[order]
    whole = pd.concat([described, frame.reset_index(drop=True)], axis=1)
    path = tmp_path / f"OmicsExpressionTPMLogp1HumanProteinCodingGenes.{kind}"
    if kind == "parquet":
        whole.to_parquet(path)
    else:
        whole.to_csv(path)
    table(LINES, TARGETS, EFFECT).to_csv(tmp_path / "CRISPRGeneEffect.csv")
    write_models(tmp_path / "Model.csv")
    dataset = import_release(tmp_path, out=tmp_path / "d")
    expect_the_release(dataset)
    assert dataset.report["rows that are no default entry, not used (their cell lines)"] == [LINES[0]]
    described_by = dataset.report["columns describing the rows, not used"]
    assert described_by == ["IsDefaultEntryForMC", "ModelConditionID", "SequencingID"]


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "tsv", "tsv.gz", "txt", "parquet"])
def test_named_matrices_of_every_type(tmp_path, kind):
    paths = {}
    for name, frame in (
        ("effect", table(LINES, TARGETS, EFFECT)),
        ("expression", table(LINES, GENES, EXPRESSION)),
    ):
        paths[name] = tmp_path / f"my.{name}.{kind}"
        if kind == "parquet":
            frame.to_parquet(paths[name])
        else:
            frame.to_csv(paths[name], sep="," if "csv" in kind else "\t", index_label="model_id")
    write_models(tmp_path / "m.csv")
    expect_the_release(import_release(**paths, models=tmp_path / "m.csv", out=tmp_path / "d"))


def test_the_hash_does_not_depend_on_type_row_order_or_path(tmp_path):
    write_models(tmp_path / "Model.csv")
    hashes = set()
    for number, (kind, order) in enumerate(
        [("csv", [0, 1, 2, 3]), ("parquet", [3, 1, 0, 2]), ("csv", [2, 3, 1, 0])]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, frame in (
            ("effect", table(LINES, TARGETS, EFFECT)),
            ("expression", table(LINES, GENES, EXPRESSION)),
        ):
            getattr(frame.iloc[order], f"to_{kind}")(folder / f"{name}.{kind}")
        hashes.add(import_release(folder, models=tmp_path / "Model.csv", out=folder / "d").content_hash)
    assert len(hashes) == 1


def test_text_is_rounded_to_the_nearest_float32(tmp_path):
    spelled = ["0.1", "-1.23456789012345678", "1e-3", "3.4e38", "+7", ".5", "16777217", "0.30000001192092896"]
    (tmp_path / "x.csv").write_text("id,A\n" + "".join(f"L{i},{text}\n" for i, text in enumerate(spelled)))
    write_models(tmp_path / "m.csv")
    found = import_release(
        effect=tmp_path / "x.csv",
        expression=tmp_path / "x.csv",
        models=tmp_path / "m.csv",
        out=tmp_path / "d",
    ).effect[:, 0]
    np.testing.assert_array_equal(found, np.array([np.float32(text) for text in spelled]))


def test_effect_is_taken_before_dependency_and_says_so(tmp_path):
    table(LINES, TARGETS, EFFECT).to_csv(tmp_path / "CRISPRGeneEffect.csv")
    table(LINES, TARGETS, EFFECT * 0).to_csv(tmp_path / "CRISPRGeneDependency.csv")
    table(LINES, TARGETS, EFFECT * 0).to_csv(tmp_path / "Achilles_gene_effect.csv")
    table(LINES, GENES, EXPRESSION).to_csv(tmp_path / "CCLE_expression.csv")
    write_models(tmp_path / "Model.csv")
    dataset = import_release(tmp_path, out=tmp_path / "d")
    expect_the_release(dataset)
    assert dataset.report["files passed over"] == [
        "Achilles_gene_effect.csv (CRISPRGeneEffect.csv taken)",
        "CRISPRGeneDependency.csv (CRISPRGeneEffect.csv taken)",
    ]


def test_a_named_file_wins_over_the_folder(tmp_path):
    table(LINES, TARGETS, EFFECT + 1).to_csv(tmp_path / "CRISPRGeneEffect.csv")
    table(LINES, TARGETS, EFFECT).to_csv(tmp_path / "mine.csv")
    table(LINES, GENES, EXPRESSION).to_csv(tmp_path / "CCLE_expression.csv")
    write_models(tmp_path / "Model.csv")
    expect_the_release(import_release(tmp_path, effect=tmp_path / "mine.csv", out=tmp_path / "d"))


def test_lines_and_genes_set_aside_are_listed(tmp_path):
    lines = [f"L{i}" for i in range(10)]
    expression = pd.DataFrame(RNG.uniform(0, 5, (10, 4)), index=lines, columns=["A", "B", "C", "odd label"])
    expression.loc["L0":"L1", "B"] = np.nan  # known on 7 of 9 shared lines: the gene goes
    expression.loc["L4", "C"] = np.nan  # known on 8 of 9: the line goes
    effect = pd.DataFrame(RNG.normal(size=(10, 3)), index=[*lines[:9], "M0"], columns=["A", "D", "E"])
    effect["E"] = np.nan
    expression.to_csv(tmp_path / "expression.csv")
    effect.to_csv(tmp_path / "effect.csv")
    (tmp_path / "models.csv").write_text(
        "ModelID,lineage\nL0,skin\nL1,\n" + "\n".join(f"L{i},lung" for i in range(2, 8)) + "\n"
    )
    dataset = import_release(tmp_path, out=tmp_path / "d", min_coverage=0.85)
    report = dataset.report
    assert dataset.cell_lines == ["L0", "L1", "L2", "L3", "L5", "L6", "L7", "L8"]
    assert dataset.genes == ["A", "C", "odd label"]
    assert dataset.lineages == ["skin", "", "lung", "lung", "lung", "lung", "lung", ""]
    assert report["cell lines in the effect file only, set aside"] == ["M0"]
    assert report["cell lines in the expression file only, set aside"] == ["L9"]
    assert report["genes known on fewer than 85% of the shared lines, set aside"] == ["B"]
    assert report["cell lines with a gap in the remaining genes, set aside"] == ["L4"]
    assert report["targets without any value on the lines kept"] == ["E"]
    assert report["labels of the expression file not understood, kept as they are"] == ["odd label"]
    assert report["cell lines not in the models table, kept without lineage"] == ["L8"]
    assert report["cell lines in the models table without lineage"] == ["L1"]
    assert np.isnan(dataset.effect[:, 2]).all()
    dense = import_release(tmp_path, out=tmp_path / "d2", min_coverage=0.7)
    assert dense.genes == ["A", "B", "C", "odd label"]
    assert dense.cell_lines == ["L2", "L3", "L5", "L6", "L7", "L8"]


@pytest.mark.parametrize(("factor", "doubted"), [(1, False), (1000, True)])
def test_expression_without_logarithm_is_doubted(tmp_path, factor, doubted):
    table(LINES, TARGETS, EFFECT).to_csv(tmp_path / "effect.csv")
    table(LINES, GENES, EXPRESSION * factor).to_csv(tmp_path / "expression.csv")
    write_models(tmp_path / "Model.csv")
    dataset = import_release(tmp_path, out=tmp_path / "d")
    assert ("without logarithm" in dataset.report["expression"]) is doubted


def test_windows_line_ends_and_capital_suffixes_are_read(tmp_path):
    effect = table(LINES, TARGETS, EFFECT).to_csv(lineterminator="\r\n").encode()
    (tmp_path / "effect.CSV.GZ").write_bytes(gzip.compress(effect))
    table(LINES, GENES, EXPRESSION).to_csv(tmp_path / "EXPRESSION.csv", lineterminator="\r\n")
    write_models(tmp_path / "Model.csv")
    expect_the_release(import_release(tmp_path, out=tmp_path / "d"))


def test_sources_are_recorded_with_their_hash(tmp_path):
    table(LINES, TARGETS, EFFECT).to_csv(tmp_path / "effect.csv")
    table(LINES, GENES, EXPRESSION).to_csv(tmp_path / "expression.csv")
    write_models(tmp_path / "Model.csv")
    dataset = import_release(tmp_path, out=tmp_path / "d")
    assert [(source["role"], source["name"]) for source in dataset.sources] == [
        ("effect", "effect.csv"), ("expression", "expression.csv"), ("models", "Model.csv")
    ]  # fmt: skip
    assert dataset.sources[0]["size"] == (tmp_path / "effect.csv").stat().st_size
    assert json.loads((tmp_path / "d" / "dataset.json").read_text())["sources"] == dataset.sources


def test_drug_files_are_fitted_to_the_lines(tmp_path):
    table(LINES, TARGETS, EFFECT).to_csv(tmp_path / "effect.csv")
    table(LINES, GENES, EXPRESSION).to_csv(tmp_path / "expression.csv")
    write_models(tmp_path / "Model.csv")
    response = pd.DataFrame(
        {"CIL56 (CTRP:100490)": [1.5, np.nan, 2.0], "D2": [0.5, np.nan, 0.25]},
        index=[LINES[0], LINES[1], "OTHER"],
    )
    response.to_csv(tmp_path / "drug_response.csv")
    (tmp_path / "drug_targets.csv").write_text('drug_id,pathway,target_genes\nD2,"a, b",TP53| KRAS\nD3,,\n')
    dataset = import_release(tmp_path, out=tmp_path / "d")
    expect_the_release(dataset)
    assert dataset.drugs == ["CIL56 (CTRP:100490)", "D2"]
    assert dataset.drug_response is not None
    np.testing.assert_array_equal(dataset.drug_response[:, 0], [np.nan, np.nan, 1.5, np.nan])
    assert dataset.report["cell lines in the drug response only, set aside"] == ["OTHER"]
    assert dataset.drug_targets is not None
    assert dataset.drug_targets.to_pylist() == [
        {"drug_id": "D2", "target_genes": "TP53|KRAS"}, {"drug_id": "D3", "target_genes": ""}
    ]  # fmt: skip


def test_a_simulated_release_of_each_layout(tmp_path):
    shapes = set()
    for layout in ("22Q2", "24Q4", "25Q3"):
        simulate_release(tmp_path / layout, cell_lines=60, genes=80, layout=layout)
        dataset = import_release(tmp_path / layout, out=tmp_path / f"{layout}.d")
        assert dataset.measure == "effect"
        assert len(set(dataset.lineages)) > 3
        shapes.add((dataset.expression.shape, dataset.effect.shape))
    assert len(shapes) == 1


def test_gz_is_read_as_its_content(tmp_path):
    table(LINES, TARGETS, EFFECT).to_csv(tmp_path / "effect.csv")
    table(LINES, GENES, EXPRESSION).to_csv(tmp_path / "CCLE_expression.csv")
    write_models(tmp_path / "Model.csv")
    plain = import_release(tmp_path, out=tmp_path / "plain").content_hash
    for name in ("effect.csv", "CCLE_expression.csv", "Model.csv"):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress((tmp_path / name).read_bytes()))
        (tmp_path / name).unlink()
    assert import_release(tmp_path, out=tmp_path / "zipped").content_hash == plain


def test_an_existing_out_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "d").write_text("mine")
    with pytest.raises(BadInputError, match="exists already"):
        import_release(tmp_path / "nowhere", out=tmp_path / "d")
    assert (tmp_path / "d").read_text() == "mine"
