import pytest

from tasks.dataset.gene_classes import classify


@pytest.mark.parametrize(
    ("mean", "sd", "measure", "found"),
    [
        (0.1, 0.11, "dependency", "variable"),
        (0.1, 0.1, "dependency", "near 0"),
        (0.49, 0.05, "dependency", "near 0"),
        (0.5, 0.05, "dependency", "near 1"),
        (0.98, 0.0, "dependency", "near 1"),
        (-0.1, 0.09, "effect", "near 0"),
        (0.4, 0.09, "effect", "near 0"),
        (-0.5, 0.09, "effect", "near 1"),
        (-1.2, 0.09, "effect", "near 1"),
        (-1.2, 0.2, "effect", "variable"),
        (0.02, 0.09, "level", "near 0"),
        (1.0, 0.09, "level", "near 1"),
        (1.99, 0.05, "level", "near 1"),
    ],
)
def test_classes_by_spread_and_side_of_the_cut(mean, sd, measure, found):
    assert classify(mean, sd, measure) == found


def test_another_measure_is_an_error():
    with pytest.raises(ValueError, match="expected one of"):
        classify(0.0, 0.0, "ceres")
