"""`--like-the-code`: the published code's own selection, through the whole run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster import Store, run
from cluster.execution.run import resume_store
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tests.reference.selection import select_one

TOP = 4
ASKED: dict[str, Any] = {"methods": ("modifiers",), "top": TOP, "preset": "ols", "workers": 0}


@pytest.fixture(scope="module")
def targets(small_dataset: Path) -> list[str]:
    return Dataset.open(small_dataset).targets[:12]


@pytest.fixture(scope="module")
def store(small_dataset: Path, targets: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("code") / "store"
    run(small_dataset, path, **ASKED, targets=targets, like_the_code=True)
    return path


def test_every_varying_target_has_modifiers_those_of_the_slow_loop(
    small_dataset: Path, targets: list[str], store: Path
):
    dataset, reader = Dataset.open(small_dataset), Store(store)
    scores = reader.scores()
    assert "no_modifiers" not in set(scores["status"])
    assert (scores["status"] == "ok").sum() > 40
    chosen = reader.modifiers()
    assert (chosen[["pearson_q", "spearman_q", "chi2_q"]].min(axis=1) > 0.05).any()
    final = reader.table("models").set_index("target")["modifiers"]
    complete = [t for t in targets if not np.isnan(dataset.effect[:, dataset.targets.index(t)]).any()]
    for target in complete[:4]:
        effect = np.asarray(dataset.effect[:, dataset.targets.index(target)], dtype=np.float64)
        expected = select_one(
            np.asarray(dataset.expression), effect, top=TOP, fdr=None, redundancy=0.95, cut=np.mean
        )
        assert list(final[target]) == [dataset.genes[g] for g in expected.genes]


def test_a_store_keeps_to_it(small_dataset: Path, targets: list[str], store: Path):
    assert resume_store(str(store), workers=0).done == 0
    assert StoreReader.open(store).run["settings"]["like_the_code"] is True
    with pytest.raises(BadInputError, match="like_the_code: true here, nothing asked"):
        run(small_dataset, store, **ASKED, targets=targets)


def test_thresholds_of_its_own_are_refused(small_dataset: Path, tmp_path: Path):
    for option in ({"fdr": 0.1}, {"redundancy": 0.8}):
        with pytest.raises(BadInputError, match="--like-the-code"):
            run(small_dataset, tmp_path / "s", like_the_code=True, workers=0, **option)
    assert not (tmp_path / "s").exists()
