from dataclasses import replace

import pytest

from tasks.methods.cost import DataSize
from tasks.methods.registry import method_named, method_names
from tests.costs import cost_of

SIZE = DataSize(18_000, 1000, drugs=100, variable=4000)
WITH_MODELS = [name for name in method_names() if method_named(name).stores_models]


def seconds(method: str, size: DataSize) -> float:
    """Of a fold with a hundred targets."""
    cost = cost_of(method, size, candidates="published")
    return 100 * cost.target + cost.preparation + sum(cost.fold_work.values())


@pytest.mark.parametrize("method", WITH_MODELS)
def test_final_models_cost_more_by_the_lines_that_a_fold_leaves_out(method: str) -> None:
    assert seconds(method, replace(SIZE, share=1.0)) > 1.1 * seconds(method, SIZE)
