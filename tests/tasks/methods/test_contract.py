"""Every built-in method keeps the contract of a method."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from modeling.folds import final_fold, make_folds
from modeling.networks.training_state import Schedule
from tasks.fitting.fold import FoldResult, Panel
from tasks.methods.method import CommittedWork, Method
from tasks.methods.registry import built_in
from tasks.networks.training import design_of, train_fold
from tests.contracts.method import FOLDS, METHOD_CONTRACT, SEED, settings_for

SHORT = Schedule(epochs=3, patience=2)
LINES, GENES, TARGETS = 72, 50, 40


class Networks:
    """A fold's networks as a worker reads them back."""

    def __init__(self, result: FoldResult) -> None:
        self._result = result

    def rows(self, table: str) -> pa.Table:
        return self._result.tables[table]

    def file(self) -> bytes:
        (data,) = self._result.files.values()
        return data


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Targets that follow genes, one of noise, and two patterns of missing lines."""
    rng = np.random.default_rng(0)
    expression = rng.gamma(2.0, 1.5, (LINES, GENES)).astype(np.float32)
    effect = 0.5 * expression[:, :TARGETS] + rng.standard_normal((LINES, TARGETS))
    effect[:6, 1] = np.nan
    effect[10:14, 2] = np.nan
    effect[:, 3] = rng.standard_normal(LINES)
    return Panel(
        cell_lines=tuple(f"L{i}" for i in range(LINES)),
        genes=tuple(f"G{i}" for i in range(GENES)),
        targets=tuple(f"G{i}" for i in range(TARGETS)),
        expression=expression,
        effect=effect.astype(np.float32),
        own=np.arange(TARGETS),
        lineages=np.arange(LINES) % 3,
        variable=np.arange(5),
    )


@pytest.mark.parametrize("check", METHOD_CONTRACT, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", built_in())
def test_a_method_keeps_its_contract(name: str, check, panel: Panel) -> None:  # type: ignore[no-untyped-def]
    method = built_in()[name]
    check(method, panel, lambda p, fold: networks_of(method, p, fold) if method.checkpoints else ())


def networks_of(method: Method, panel: Panel, number: int) -> Sequence[CommittedWork]:
    """Trained for three epochs: the contract is not about how good they are."""
    folds = (*make_folds("kfold", LINES, FOLDS, SEED), final_fold(LINES))
    fold, settings = folds[number], settings_for(method)
    design = design_of(settings, fold, (5,), SHORT)
    return [Networks(train_fold(panel, fold, settings, design))]
