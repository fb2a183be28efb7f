"""`--inputs all`: a planted mutation is found, and what expression alone scores stands beside."""

from dataclasses import replace

import numpy as np
import pytest

from modeling.folds import make_folds
from tasks.dataset.layers import Layer
from tasks.fitting.fold import Panel
from tests.tasks.best_folds import settings, tables_of

LINES, GENES, TARGETS, FEATURES = 150, 40, 24, 30
PLANTED, FEATURE = 0, 3


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Effects follow expression; the first also a mutation that expression does not know."""
    rng = np.random.default_rng(4)
    expression = rng.gamma(2.0, 2.0, (LINES, GENES)).astype(np.float32)
    effect = 0.2 * expression[:, :5] @ rng.standard_normal((5, TARGETS)) + rng.standard_normal(
        (LINES, TARGETS)
    )
    mutated = (rng.random((LINES, FEATURES)) < 0.2).astype(np.float32)
    effect[:, PLANTED] += 4.0 * mutated[:, FEATURE]
    mutated[::7] = np.nan  # lines that lack the layer
    return Panel(
        cell_lines=tuple(f"L{i}" for i in range(LINES)),
        genes=tuple(f"G{i}" for i in range(GENES)),
        targets=tuple(f"T{i}" for i in range(TARGETS)),
        expression=expression,
        effect=effect.astype(np.float32),
        own=np.full(TARGETS, -1),
        lineages=np.arange(LINES) % 4,
        variable=np.arange(TARGETS),
        layers=(Layer("mutations", tuple(f"M{i}" for i in range(FEATURES)), mutated),),
    )


def tables(panel: Panel, inputs: str, targets: list[int] | None = None) -> dict:
    """One fold's tables by `best`."""
    return tables_of(panel, make_folds("kfold", LINES, 3, 0)[0], targets, settings(inputs, seed=3))


def test_a_planted_mutation_is_found_and_the_score_of_expression_stands_beside(panel: Panel) -> None:
    alone, both = tables(panel, "expression"), tables(panel, "all")
    by_expression, scores = alone["scores"].to_pylist(), both["scores"].to_pylist()
    assert all(row["pearson_expression"] is None for row in by_expression)
    for before, after in zip(by_expression, scores, strict=True):
        assert after["pearson_expression"] == before["pearson"]
    assert scores[PLANTED]["pearson"] > scores[PLANTED]["pearson_expression"] + 0.2
    assert both["predictions"]["predicted_expression"].equals(alone["predictions"]["predicted"])
    gate = next(
        row
        for row in both["candidates"].to_pylist()
        if row["target"] == "T0" and row["candidate"] == "layers_gate"
    )
    assert gate["chosen"]
    assert f'"mutations: M{FEATURE}"' in gate["parameters"]


def test_lines_that_lack_the_layer_keep_a_prediction(panel: Panel) -> None:
    rows = tables(panel, "all")["predictions"].to_pylist()
    lacking = [row for row in rows if int(row["cell_line"][1:]) % 7 == 0]
    assert lacking
    assert all(np.isfinite(row["predicted"]) for row in lacking)


def test_layers_of_test_lines_change_nothing_that_is_fitted_and_blocks_do_not_matter(panel: Panel) -> None:
    fold = make_folds("kfold", LINES, 3, 0)[0]
    (layer,) = panel.layers
    values = layer.values.copy()
    values[fold.test[::2]] = 2.0
    scrambled = replace(panel, layers=(replace(layer, values=values),))
    before, after = tables(panel, "all"), tables(scrambled, "all")
    drop = [c for c in before["candidates"].column_names if c != "seconds"]
    assert before["candidates"].select(drop).equals(after["candidates"].select(drop))
    kept = {panel.cell_lines[i] for i in fold.test[1::2]}
    first, second = (
        {(r["target"], r["cell_line"]): r["predicted"] for r in t["predictions"].to_pylist()}
        for t in (before, after)
    )
    assert all(first[key] == second[key] for key in first if key[1] in kept)
    alone = tables(panel, "all", [PLANTED])["predictions"].to_pylist()
    assert all(row["predicted"] == first[row["target"], row["cell_line"]] for row in alone)
