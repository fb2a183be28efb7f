"""What the importers make of real files and excerpts of them."""

import csv

import numpy as np
import pyarrow.parquet as pq
import pytest

from tasks.dataset.gene_labels import duplicate_genes, name_genes
from tasks.importing.cell_line_table import read_models
from tasks.importing.importer import import_release, read_matrix
from tasks.importing.matrices import DRUGS, GENES


def test_the_real_matrices_keep_535_genes_on_983_lines(real_data, tmp_path):
    dataset = import_release(
        effect=real_data / "gene_dependency_level_22q1.parquet",
        expression=real_data / "expression.parquet",
        models=real_data / "models.parquet",
        out=tmp_path / "d",
    )
    assert dataset.expression.shape == (983, 535)
    assert dataset.effect.shape == (983, 17386)
    assert dataset.measure == "level"
    assert len(dataset.report["genes known on fewer than 90% of the shared lines, set aside"]) == 197
    assert "" not in dataset.lineages
    dataset.verify()


@pytest.mark.parametrize("release", ["MayurDivate", "TRIM8_Ewing", "XGDP", "hartlab", "nkwang24"])
def test_real_excerpts_of_sample_info(real_data, tmp_path, release):
    models = read_models(real_data / "layouts" / f"sample_info.{release}.csv")
    with (real_data / "layouts" / f"sample_info.{release}.csv").open() as file:
        rows = list(csv.DictReader(file))
    wanted = "disease" if release == "hartlab" else "lineage"
    assert list(models.lineages) == [row["DepMap_ID"] for row in rows]
    if wanted in rows[0]:
        assert list(models.lineages.values()) == [row[wanted] for row in rows]


def test_real_excerpts_of_expression_and_drugs(real_data):
    layouts = real_data / "layouts"
    expression = read_matrix(
        layouts / "OmicsExpressionProteinCodingGenesTPMLogp1.Shubhra-B_example.csv", GENES
    )
    assert expression.columns[:2] == ["TSPAN6 (7105)", "TNMD (64102)"]
    assert expression.ids[0] == "ACH-001113"
    assert expression.values[0, 0] == np.float32(4.33199177823206)
    signatures = read_matrix(layouts / "OmicsGlobalSignatures.rc9.csv", DRUGS)
    assert (signatures.ids[0], signatures.columns) == ("ACH-000839", ["MSIScore", "LoHFraction"])
    drugs = read_matrix(layouts / "portal_custom_export_CTRP_AUC.csv", DRUGS)
    assert drugs.columns[0] == "CIL56 (CTRP:100490)"
    portal = read_matrix(layouts / "portal_RNAi_subset.csv", GENES)
    assert portal.columns == ["PARP1"]


@pytest.mark.parametrize("release", ["23Q4", "24Q2", "early_morphic", "late_rc9", "latest_hareezzvijey"])
def test_real_excerpts_of_model(real_data, release):
    path = real_data / "layouts" / f"Model.{release}.csv"
    with path.open() as file:
        rows = list(csv.DictReader(file))
    models = read_models(path)
    assert list(models.lineages) == [row["ModelID"] for row in rows]
    assert list(models.names["cell_line_name"].values()) == [row["CellLineName"] for row in rows]
    assert list(models.lineages.values()) == [row.get("OncotreeLineage", "") for row in rows]


@pytest.mark.parametrize(
    ("file", "genes"),
    [("CRISPRGeneEffect", 18435), ("OmicsExpressionTPMLogp1HumanProteinCodingGenes", 19215)],
)
def test_every_real_column_name_of_25q3_is_understood(real_data, file, genes):
    table = pq.read_table(real_data / "layouts" / f"{file}.25Q3.columns.parquet")
    labels = table.column("column").to_pylist()
    names, strange = name_genes(labels)
    assert (len(names.labels), strange, duplicate_genes(labels)) == (genes, [], [])
    assert list(names.symbols) == table.column("symbol").to_pylist()
    assert (names.entrez > 0).all()
