"""Names that `--targets` takes, and what is said of those that it does not."""

import numpy as np
import pytest

from cluster.runs.options import chosen_targets
from tasks.dataset.dataset import Dataset, write_dataset
from tasks.errors import BadInputError

TARGETS = ("CTNNB1", "KMT2D", "TP53")
CLASSES = ("variable", "near 0", "variable")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    rng = np.random.default_rng(0)
    return write_dataset(
        tmp_path_factory.mktemp("named") / "d",
        expression=rng.uniform(0, 9, (12, 3)).astype(np.float32),
        effect=rng.standard_normal((12, 3)).astype(np.float32),
        cell_lines=[f"ACH-{i:06d}" for i in range(12)],
        genes=TARGETS,
        targets=TARGETS,
        lineages=["Lung"] * 12,
    )


def test_a_gene_by_any_of_its_names_once(dataset: Dataset) -> None:
    assert chosen_targets(dataset, CLASSES, "TP53,ctnnb1,1499,ENSG00000168036.18,MLL2") == [
        "TP53",
        "CTNNB1",
        "KMT2D",
    ]
    assert chosen_targets(dataset, CLASSES, "variable") == ["CTNNB1", "TP53"]


def test_every_unknown_name_is_said_with_close_ones(dataset: Dataset) -> None:
    with pytest.raises(BadInputError) as caught:
        chosen_targets(dataset, CLASSES, "CTNB1,TP53,ENSG00000999999")
    first, second = caught.value.problems
    assert first.startswith(
        f"--targets: CTNB1: not among the 3 targets of {dataset.path}; did you mean CTNNB1"
    )
    assert second == f"--targets: ENSG00000999999: not among the 3 targets of {dataset.path}"
