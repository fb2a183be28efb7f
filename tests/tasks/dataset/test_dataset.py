import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.dataset.dataset import Dataset, write_dataset
from tasks.dataset.format import seal
from tasks.errors import BadInputError
from tests.promises import Measured

LINES = ["ACH-000001", "ACH-000002", "ACH-000003"]
GENES = ["TP53", "DUX4 (1)", "DUX4 (2)"]
TARGETS = ["TP53", "KRAS"]
EXPRESSION = np.arange(9, dtype=np.float32).reshape(3, 3)
EFFECT = np.array([[0.5, np.nan], [-1.0, 0.25], [0.0, 1.5]], dtype=np.float32)


def small(out: Path, **changes: object) -> Dataset:
    parts: dict = {
        "expression": EXPRESSION, "effect": EFFECT, "cell_lines": LINES, "genes": GENES, "targets": TARGETS,
        "gene_entrez": [7157, 1, 2], "target_entrez": [7157, 3845], "lineages": ["Lung", "", "Skin"],
    }  # fmt: skip
    return write_dataset(out, **{**parts, **changes})


@pytest.mark.timeout(20)
def test_a_dataset_json_that_is_a_pipe_or_nests_without_end_is_refused(tmp_path, measured: Measured):
    small(tmp_path / "d")
    path = tmp_path / "d" / "dataset.json"
    path.write_bytes(b"[" * 200_000 + b"]" * 200_000)
    with pytest.raises(BadInputError, match="damaged: not JSON"):
        Dataset.open(tmp_path / "d")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BadInputError, match="not a regular file"):
        Dataset.open(tmp_path / "d")
    measured(files_refused=2)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["expression.npy", "effect.npy", "genes.parquet", "cell_lines.parquet"])
def test_a_pipe_in_the_place_of_a_part_is_refused_and_not_waited_for(tmp_path, name, measured: Measured):
    small(tmp_path / "d")
    (tmp_path / "d" / name).unlink()
    os.mkfifo(tmp_path / "d" / name)
    with pytest.raises(BadInputError, match=f"{name}: not a regular file"):
        Dataset.open(tmp_path / "d")
    measured(files_refused=1)


@pytest.mark.parametrize("at", range(10, 100, 6))
def test_a_matrix_whose_header_is_damaged_is_refused(tmp_path, at, measured: Measured):
    """numpy reads it as Python's text, and raises what Python's parser does."""
    dataset = small(tmp_path / "d")
    path = tmp_path / "d" / "expression.npy"
    data = path.read_bytes()
    path.write_bytes(data[:at] + b"('\n\xdb\xb0Z(8" + data[at + 8 :])
    with pytest.raises(BadInputError, match=r"expression\.npy: (missing or )?(damaged|changed)"):
        Dataset.open(tmp_path / "d").verify()
    assert dataset.measure == "effect"
    measured(files_refused=1)


def test_what_is_written_is_what_is_opened(tmp_path):
    written = small(tmp_path / "d", report={"notes": ["a"]}, sources=[{"role": "effect"}])
    opened = Dataset.open(tmp_path / "d")
    assert opened.content_hash == written.content_hash
    assert (opened.cell_lines, opened.genes, opened.targets) == (LINES, GENES, TARGETS)
    assert opened.lineages == ["Lung", "", "Skin"]
    assert opened.own.tolist() == [0, -1]
    assert (opened.report, opened.sources) == ({"notes": ["a"]}, [{"role": "effect"}])
    np.testing.assert_array_equal(opened.expression, EXPRESSION)
    np.testing.assert_array_equal(opened.effect, EFFECT)
    assert opened.effect.dtype == np.float32
    assert opened.drug_response is None
    opened.verify()


def test_matrices_are_mapped_and_read_only(tmp_path):
    dataset = small(tmp_path / "d")
    assert isinstance(dataset.expression, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        dataset.expression[0, 0] = 1


def test_names_of_lines_and_drugs_are_kept(tmp_path):
    response = np.array([[1.0], [np.nan], [0.5]])
    names = pa.table({"cell_line_name": ["a", "b", "c"]})
    targets = pa.table({"drug_id": ["D1"], "target_genes": ["TP53"]})
    small(tmp_path / "d", cell_line_table=names, drugs=["D1"], drug_response=response, drug_targets=targets)
    opened = Dataset.open(tmp_path / "d")
    assert opened.cell_line_table.column_names == ["cell_line", "lineage", "cell_line_name"]
    assert opened.drugs == ["D1"]
    np.testing.assert_array_equal(opened.drug_response, response.astype(np.float32))
    assert opened.drug_targets is not None
    assert opened.drug_targets.equals(targets)
    opened.verify()


def test_the_hash_is_of_the_content_alone(tmp_path):
    first = small(tmp_path / "a", report={"imported": "monday"}).content_hash
    assert small(tmp_path / "b", report={"imported": "friday"}, sources=[{"name": "x"}]).content_hash == first
    other_nan = EFFECT.copy()
    other_nan.view(np.uint32)[0, 1] = 0xFFC00001
    other_nan[2, 0] = -0.0
    assert small(tmp_path / "c", effect=other_nan).content_hash == first
    assert small(tmp_path / "d", effect=np.asfortranarray(EFFECT)).content_hash == first


@pytest.mark.parametrize(
    "change",
    [
        {"effect": EFFECT + 1},
        {"expression": EXPRESSION + 1},
        {"lineages": ["Lung", "Lung", "Skin"]},
        {"cell_lines": ["A", "B", "C"]},
        {"genes": ["TP53", "DUX4 (1)", "DUX5"]},
        {"target_entrez": [7157, 0]},
        {"measure": "level"},
    ],
)
def test_any_change_of_content_changes_the_hash(tmp_path, change):
    assert small(tmp_path / "a").content_hash != small(tmp_path / "b", **change).content_hash


@settings(max_examples=20, deadline=None)
@given(
    values=arrays(
        np.float32, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.floats(-9, 9, width=32)
    )
)
def test_any_finite_matrix_survives(tmp_path_factory, values):
    lines, genes = ([f"{kind}{i}" for i in range(n)] for kind, n in zip("LG", values.shape, strict=True))
    out = tmp_path_factory.mktemp("h") / "d"
    write_dataset(out, expression=values, effect=values, cell_lines=lines, genes=genes, targets=genes)
    opened = Dataset.open(out)
    np.testing.assert_array_equal(opened.expression, values)
    assert opened.own.tolist() == list(range(len(genes)))


def test_an_existing_path_is_refused_and_left_alone(tmp_path):
    (tmp_path / "d").mkdir()
    with pytest.raises(BadInputError, match="exists already"):
        small(tmp_path / "d")
    assert list((tmp_path / "d").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"expression": EXPRESSION[:, :2]}, "expression is"),
        ({"effect": np.full((3, 2), np.inf)}, "infinite"),
        ({"expression": np.full((3, 3), np.nan)}, "dense"),
        ({"targets": ["A", "A"]}, "twice"),
        ({"measure": "ceres"}, "expected one of"),
    ],
)
def test_parts_that_do_not_fit_leave_nothing_behind(tmp_path, change, words):
    with pytest.raises(ValueError, match=words):
        small(tmp_path / "d", **change)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tasks.dataset.format.write_array", full)
    with pytest.raises(OSError, match="No space"):
        small(tmp_path / "d")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_bad_input(tmp_path):
    with pytest.raises(BadInputError, match="not a Dataset"):
        Dataset.open(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "name", ["expression.npy", "effect.npy", "cell_lines.parquet", "genes.parquet", "targets.parquet"]
)
@pytest.mark.parametrize("harm", ["gone", "cut"])
def test_a_missing_or_cut_file_is_named(tmp_path, name, harm):
    small(tmp_path / "d")
    victim = tmp_path / "d" / name
    content = victim.read_bytes()
    victim.unlink()
    if harm == "cut":
        victim.write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInputError, match=name):
        Dataset.open(tmp_path / "d")


def test_an_edited_body_is_noticed(tmp_path):
    small(tmp_path / "d")
    body = tmp_path / "d" / "dataset.json"
    body.write_text(body.read_text().replace('"effect"', '"level"'))
    with pytest.raises(BadInputError, match="changed since"):
        Dataset.open(tmp_path / "d")


def test_a_changed_value_is_found_by_verify(tmp_path):
    small(tmp_path / "d")
    path = tmp_path / "d" / "effect.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadInputError, match="content hash"):
        Dataset.open(tmp_path / "d").verify()


def test_a_newer_format_says_what_to_do(tmp_path):
    small(tmp_path / "d")
    path = tmp_path / "d" / "dataset.json"
    body = json.loads(path.read_text())
    body.pop("sha256")
    path.write_bytes(seal({**body, "format": 3}))
    with pytest.raises(BadInputError, match=r"newer knockcast.*update knockcast"):
        Dataset.open(tmp_path / "d")
