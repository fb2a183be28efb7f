import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.errors import BadInputError
from tasks.importing.recognition.measure import decide_measure, doubt_of_roles


def guess(values: list) -> str:
    return decide_measure("f", np.array(values, dtype=np.float32), None)[0]


@pytest.mark.parametrize(
    ("values", "measure"),
    [
        ([[0, 1, 2], [0, np.nan, 2]], "level"),
        ([[0, 1], [1, 0]], "level"),
        ([[-3, 1], [2, 0]], "level"),
        ([[0, 0.5], [1, np.nan]], "dependency"),
        ([[0, 0.5], [1.01, np.nan]], "effect"),
        ([[-0.001, 0.5], [1, np.nan]], "effect"),
        ([list(range(10))], "level"),
        ([list(range(11))], "effect"),
    ],
)
def test_the_measure_is_told_from_the_values(values, measure):
    assert guess(values) == measure


@given(values=arrays(np.float32, (4, 5), elements=st.sampled_from([0.0, 0.25, 1.0, 2.0, -1.0, np.nan])))
def test_the_guess_is_the_plain_rule(values):
    known = values[~np.isnan(values)]
    if known.size and (known == np.rint(known)).all() and len(set(known.tolist())) <= 10:
        expected = "level"
    elif known.size and known.min() >= 0 and known.max() <= 1:
        expected = "dependency"
    else:
        expected = "level" if not known.size else "effect"
    assert decide_measure("f", values, None)[0] == expected


def test_it_says_how_it_decided():
    assert (
        "guessed: whole numbers 0, 1, 2" in decide_measure("f", np.array([[0, 1, 2.0]], np.float32), None)[1]
    )
    assert decide_measure("f", np.array([[0, 1, 2.0]], np.float32), "effect") == (
        "effect",
        "effect, as asked",
    )


@pytest.mark.parametrize(("wanted", "value"), [("level", 0.5), ("dependency", 1.5), ("dependency", -0.1)])
def test_what_cannot_be_is_refused_with_the_file_and_advice(wanted, value):
    with pytest.raises(BadInputError, match=f"file.csv: --measure {wanted} does not fit"):
        decide_measure("file.csv", np.array([[0, value]], np.float32), wanted)


EXPRESSION = [[0, 3.2, 14.1], [1.5, 0, 0.4]]


@pytest.mark.parametrize(
    ("effect", "expression", "is_doubted"),
    [
        (EXPRESSION, [[-1.1, 0.2, -0.4], [0.1, -0.3, 0]], True),
        (EXPRESSION, [[0, 1, 2], [0, np.nan, 2]], True),
        (EXPRESSION, [[0, 0.5, 0.9], [0.2, np.nan, 1]], True),
        (EXPRESSION, EXPRESSION, False),  # whatever it is, the other file is no effect
        ([[-1.1, 0.2, -0.4]], EXPRESSION, False),
        ([[-1.1, 8.0, -0.4]], [[-2.0, 3.0, 1.0]], False),  # z-scores of expression are doubted elsewhere
        ([[0, 1, 2]], EXPRESSION, False),
        ([[0, 0.5, 1]], EXPRESSION, False),
        ([[np.nan]], [[np.nan]], False),
    ],
)
def test_files_given_to_each_others_option_are_told(effect, expression, is_doubted):
    said = doubt_of_roles("E", np.array(effect, np.float32), "X", np.array(expression, np.float32))
    assert said.startswith("--effect E and --expression X look swapped") == is_doubted
    assert bool(said) == is_doubted
