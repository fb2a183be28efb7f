import numpy as np

from modeling.candidates.problem import Problem
from modeling.candidates.trees.tree import Tree
from modeling.interpretation.tree_nodes import tree_nodes
from tests.reference.explanation import leaves_slow


def fitted(seed: int, lines: int = 80):
    rng = np.random.default_rng(seed)
    x = np.round(rng.gamma(2, 1.5, (lines, 4)), 1)
    y = (x[:, 0] > 2) * 1.0 + 0.3 * x[:, 1] + rng.normal(0, 0.2, lines)
    return Tree().fit_one(Problem(x, y, 0)).model, x, y


def test_lines_means_and_places_are_those_of_walking_line_by_line():
    for seed in range(5):
        model, x, y = fitted(seed)
        passed = leaves_slow(model, x)
        nodes = tree_nodes(model, x)
        assert [node.number for node in nodes] == sorted(passed)
        for node in nodes:
            assert node.n == len(passed[node.number])
            assert abs(node.value - y[passed[node.number]].mean()) < 1e-9
            assert node.depth == int(np.log2(node.number + 1))
        by_number = {node.number: node for node in nodes}
        leaves = [node for node in nodes if node.feature < 0]
        assert sorted(node.x for node in leaves) == list(range(len(leaves)))
        for node in nodes:
            if node.feature >= 0:
                left, right = by_number[2 * node.number + 1], by_number[2 * node.number + 2]
                assert left.x < node.x < right.x
                assert left.parent == right.parent == node.number
                assert left.n + right.n == node.n


def test_a_constant_effect_is_one_leaf():
    model = Tree().fit_one(Problem(np.arange(10.0)[:, None], np.ones(10), 0)).model
    (node,) = tree_nodes(model, np.arange(10.0)[:, None])
    assert (node.x, node.feature, node.parent, node.n) == (0.0, -1, -1, 10)
