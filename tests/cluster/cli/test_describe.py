"""`knockcast describe`: what it says, its formats, and its refusals."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster.cli.describe import described
from tasks.errors import BadInputError
from tests.made_datasets import made_dataset, made_matrices, tiny_dataset


def test_a_dataset_is_described(tmp_path: Path):
    text = described(tiny_dataset(tmp_path / "d"))
    assert "48 cell lines x 10 genes (expression), 6 targets" in text
    assert "missing: 17 of the targets' values" in text


def test_what_changed_is_said_and_written(tmp_path: Path):
    expression, effect = made_matrices(48)
    one = made_dataset(tmp_path / "one", expression, effect)
    two = made_dataset(tmp_path / "two", expression[:40], -effect[:40])
    text = described(two, one, tmp_path / "changed.csv")
    assert "cell lines: 48 -> 40, 40 in both; 8 removed: ACH-000040" in text
    assert "is the sign turned in one of them?" in text
    assert "targets whose profile changed (r below 0.9 and variable, or another class): 6" in text
    np.testing.assert_allclose(pd.read_csv(tmp_path / "changed.csv")["pearson"], -1, atol=1e-6)
    found = json.loads(described(two, one, kind="json"))
    assert found["drift"]["targets_changed"] == 6
    assert found["cell_lines"] == 40
    assert "nothing changed" in described(one, one)


def test_bad_options_come_together(tmp_path: Path):
    with pytest.raises(BadInputError) as caught:
        described(tiny_dataset(tmp_path / "d"), out=tmp_path / "x.csv", kind="html")
    assert len(caught.value.problems) == 2
    with pytest.raises(BadInputError, match="not a Dataset"):
        described(tmp_path / "nothing")
