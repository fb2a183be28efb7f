"""What is held out for validation: the same rows for ever, or stores would not resume."""

from collections.abc import Callable
from hashlib import sha256

import numpy as np
import pytest

from modeling.candidates import boosting, choice
from modeling.candidates.mlp import deep
from modeling.candidates.problem import Problem
from modeling.networks.architecture_search import judged_lines
from modeling.networks.shared_networks import validation_lines
from modeling.profiles import network
from modeling.splits import Split, hold_out, hold_out_tenth


def empty(n: int, seed: int) -> Problem:
    return Problem(np.zeros((n, 1)), np.zeros(n), seed)


SPLITS: dict[str, Callable[[int, int], tuple[np.ndarray, ...]]] = {
    "choice": lambda n, seed: choice.validation_split(empty(n, seed)),
    "xgboost": lambda n, seed: boosting.validation_split(empty(n, seed)),
    "deep": lambda n, seed: deep.validation_split(empty(n, seed)),
    "shared networks": lambda n, seed: (validation_lines(n, seed),),
    "architecture search": lambda n, seed: (judged_lines(n, seed),),
    "profiles": network.validation_split,
}
DRAWN = {
    "choice": "34f76e4a562985eb",
    "xgboost": "af7c5725abd7c112",
    "deep": "71e9c55b38f23d5e",
    "shared networks": "4801767fd7a80ecc",
    "architecture search": "4e966127c5fb15cf",
    "profiles": "558b82816d03068d",
}


@pytest.mark.parametrize(
    ("split", "n_rows", "n_held"),
    [
        (lambda n: hold_out_tenth(n, 5, "a test"), 101, 11),
        (lambda n: hold_out_tenth(n, 5, "a test"), 1, 1),
        (lambda n: hold_out(n, 0.2, 5, "a test"), 101, 20),
        (lambda n: hold_out(n, 0.1, 5, "a test"), 26, 3),
        (lambda n: hold_out(n, 0.1, 5, "a test"), 4, 1),
    ],
)
def test_a_split_is_of_all_rows_sorted_and_as_large_as_asked(
    split: Callable[[int], Split], n_rows: int, n_held: int
):
    learned, held_out = split(n_rows)
    assert len(held_out) == n_held
    np.testing.assert_array_equal(np.union1d(learned, held_out), np.arange(n_rows))
    assert all((np.diff(rows) > 0).all() for rows in (learned, held_out))
    np.testing.assert_array_equal(np.flatnonzero(split(n_rows).is_held_out), held_out)


@pytest.mark.parametrize("hold", [hold_out_tenth, lambda n, *key: hold_out(n, 0.1, *key)])
def test_seed_and_purpose_decide_who_is_held_out(hold: Callable[..., Split]):
    drawn = [hold(200, *key).held_out for key in ((1, "a"), (2, "a"), (1, "b"))]
    assert np.array_equal(drawn[0], hold(200, 1, "a").held_out)
    assert not any(np.array_equal(drawn[0], other) for other in drawn[1:])


@pytest.mark.parametrize("who", SPLITS)
def test_draws_stay_what_they_were(who: str):
    digest = sha256()
    for n in (1, 4, 14, 15, 25, 101, 786):
        for seed in (0, 7, 2**62):
            for rows in SPLITS[who](n, seed):
                digest.update(f"{n} {seed} {rows.dtype} {rows.shape}".encode() + rows.tobytes())
    assert digest.hexdigest()[:16] == DRAWN[who]
