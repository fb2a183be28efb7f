"""Models on all lines, fitted to be looked at: weights per lineage, a tree of depth 4, and boosted trees.

They have seen every line, so they say how a target goes with its modifiers, not how well it is predicted.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from modeling.candidates.boosting import BoosterModel
from modeling.candidates.registry import candidate_of
from modeling.candidates.trees.tree import TreeModel
from modeling.folds import FINAL_FOLD
from modeling.interpretation.lineage_weights import FEWEST, lineage_weights
from modeling.interpretation.tree_nodes import tree_nodes
from tasks.analyses.explanation.inputs import TargetData

ALL = "all lines"


@dataclass(frozen=True, eq=False)
class Boosted:
    """`importance`: gene, gain (share of all that splits took off the error), shap (mean |SHAP|), best first.

    `shap`: gene, cell_line, lineage, expression, contribution (its part of that line's prediction).
    """

    importance: pd.DataFrame
    shap: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Weights:
    """`table`: gene, lineage (`ALL` first, then largest first), n, weight; null of too few lines.

    A weight is the change of the effect per standard deviation of log2(TPM+1). `penalty` and `improves`: see
    `modeling.interpretation.lineage_weights`.
    """

    table: pd.DataFrame
    penalty: float
    improves: float


def weights_by_lineage(data: TargetData) -> Weights:
    """Weights of `features` in every lineage with enough lines. ValueError where nothing can be fitted."""
    rows = data.measured
    lineages = [data.lineages[row] for row in rows]
    sizes = pd.Series(lineages, dtype=object).value_counts()
    named = sorted(
        (name for name in sizes.index if name and sizes[name] >= FEWEST), key=lambda n: (-sizes[n], n)
    )
    number = {name: at for at, name in enumerate(named)}
    groups = np.array([number.get(name, -1) for name in lineages], dtype=np.int64)
    found = lineage_weights(data.values(rows, data.features), data.effect[rows], groups, len(named))
    table = np.vstack([found.pooled, found.weights])
    n = [len(rows), *found.n.tolist()]
    parts = [
        pd.DataFrame({"gene": data.features, "lineage": name, "n": n[at], "weight": table[at]})
        for at, name in enumerate([ALL, *named])
    ]
    return Weights(pd.concat(parts, ignore_index=True), found.penalty, found.improves)


def drawn_tree(data: TargetData) -> pd.DataFrame:
    """Nodes of the tree of depth 4: number, parent, depth, x, gene (null: a leaf), threshold, value, n.

    Lines whose log2(TPM+1) of `gene` is at most `threshold` go to the left child, 2 * number + 1.
    """
    rows = data.measured
    problem = data.problem(rows, data.features, FINAL_FOLD)
    model = candidate_of("tree").fit([problem])[0].model
    if not isinstance(model, TreeModel):
        return pd.DataFrame(columns=["number", "parent", "depth", "x", "gene", "threshold", "value", "n"])
    return pd.DataFrame(
        [
            {
                "number": node.number,
                "parent": node.parent,
                "depth": node.depth,
                "x": node.x,
                "gene": data.features[node.feature] if node.feature >= 0 else None,
                "threshold": node.threshold if node.feature >= 0 else np.nan,
                "value": node.value,
                "n": node.n,
            }
            for node in tree_nodes(model, problem.features)
        ]
    )


def boosted(data: TargetData) -> Boosted:
    """XGBoost as the run has it, on all lines: what its splits and its SHAP values say of each modifier."""
    rows = data.measured
    problem = data.problem(rows, data.features, FINAL_FOLD)
    model = candidate_of("xgboost").fit([problem])[0].model
    if not isinstance(model, BoosterModel):
        raise ValueError("XGBoost could not be fitted")  # noqa: TRY004 - no wrong type, but a fit that failed
    shap = model.contributions(problem.features)[:, :-1]
    importance = pd.DataFrame(
        {"gene": data.features, "gain": model.gains(len(data.features)), "shap": np.abs(shap).mean(axis=0)}
    )
    long = pd.DataFrame(
        {
            "gene": np.repeat(np.array(data.features, dtype=object), len(rows)),
            "cell_line": [data.cell_lines[row] for row in rows] * len(data.features),
            "lineage": [data.lineages[row] for row in rows] * len(data.features),
            "expression": problem.features.T.ravel(),
            "contribution": shap.T.ravel(),
        }
    )
    order = importance.sort_values(
        ["shap", "gain", "gene"], ascending=[False, False, True], ignore_index=True
    )
    return Boosted(order, long)
