"""`--inputs` in run.json: runs made before it keep their digest, and other inputs are refused by name."""

from pathlib import Path

import numpy as np
import pytest

from cluster import run
from cluster.execution.run import resume_store
from cluster.runs import options
from cluster.runs.fields import RunOptions
from cluster.runs.methods import settings_of
from cluster.runs.options import checked_options, folds_of, options_of, run_body
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset, write_dataset
from tasks.dataset.layers import Layer
from tasks.errors import BadInputError
from tests.made_datasets import GENES, TARGETS, made_matrices
from tests.promises import Measured

SMALL = {"methods": ("ridge",), "targets": "G0", "folds": 2, "workers": 0}


def with_layer(path: Path, shift: float = 0.0) -> Path:
    expression, effect = made_matrices(40)
    copies = np.random.default_rng(2).normal(1, 0.2, (40, 3)).astype(np.float32) + np.float32(shift)
    write_dataset(
        path,
        expression=expression,
        effect=effect,
        cell_lines=[f"ACH-{i:06d}" for i in range(40)],
        genes=GENES,
        targets=TARGETS,
        layers=[Layer("copy_number", ("G0", "G1", "G2"), copies)],
    )
    return path


def test_a_run_on_expression_is_written_as_before_there_was_a_choice(small_dataset: Path):
    dataset = Dataset.open(small_dataset)
    body = run_body(RunOptions(), dataset, folds_of(RunOptions(), dataset), "0")
    assert "inputs" not in body["settings"]
    assert options_of(body).inputs == "expression"


def test_a_store_remembers_its_inputs_and_refuses_others(tmp_path: Path):
    dataset, store = with_layer(tmp_path / "d"), tmp_path / "s"
    run(dataset, store, **SMALL, inputs="all")
    body = StoreReader.open(store).run
    assert body["settings"]["inputs"] == "all"
    assert settings_of(options_of(body), "ridge").inputs == "all"
    assert resume_store(str(store), workers=0).done == 0
    with pytest.raises(BadInputError, match=r'settings\.inputs: "all" here, nothing asked'):
        run(dataset, store, **SMALL)
    with pytest.raises(BadInputError, match="dataset_hash"):
        run(with_layer(tmp_path / "changed", 1.0), store, **SMALL, inputs="all")


def test_inputs_that_cannot_be_had_are_named(small_dataset: Path, tmp_path: Path):
    with pytest.raises(BadInputError, match="--inputs: Input should be 'expression' or 'all'"):
        checked_options(inputs="everything")
    with pytest.raises(BadInputError, match="it holds expression alone"):
        run(small_dataset, tmp_path / "s", inputs="all", workers=0)
    assert not (tmp_path / "s").exists()


CHANGED = {
    "preset": {"preset": "ols"},
    "scheme": {"scheme": "split"},
    "seed": {"seed": 1},
    "top": {"top": 3},
    "fdr": {"fdr": 0.2},
    "folds": {"folds": 3},
    "algorithm": {},
}


@pytest.mark.parametrize("field", CHANGED)
def test_a_changed_setting_or_algorithm_never_reuses_old_results(
    small_dataset: Path, tmp_path: Path, field: str, monkeypatch: pytest.MonkeyPatch, measured: Measured
):
    asked = {
        "methods": ["modifiers"],
        "workers": 0,
        "folds": 2,
        "targets": Dataset.open(small_dataset).targets[:2],
    }
    store = tmp_path / "store"
    run(small_dataset, store, **asked)
    before = sorted(path for path in store.rglob("*") if path.is_file())
    if field == "algorithm":
        monkeypatch.setattr(options, "ALGORITHM", options.ALGORITHM + 1)
    with pytest.raises(BadInputError, match=rf"{field}: .* here, .* asked"):
        run(small_dataset, store, **{**asked, **CHANGED[field]})
    assert sorted(path for path in store.rglob("*") if path.is_file()) == before
    measured(kinds_of_change_refused=1)
