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
from modeling.profiles.network import halves_of


def empty(n: int, seed: int) -> Problem:
    return Problem(np.zeros((n, 1)), np.zeros(n), seed)


SPLITS: dict[str, Callable[[int, int], tuple[np.ndarray, ...]]] = {
    "choice": lambda n, seed: choice.validation_split(empty(n, seed)),
    "xgboost": lambda n, seed: boosting.held_out_lines(empty(n, seed)),
    "deep": lambda n, seed: deep.held_out_lines(empty(n, seed)),
    "shared networks": lambda n, seed: (validation_lines(n, seed),),
    "architecture search": lambda n, seed: (judged_lines(n, seed),),
    "profiles": lambda n, seed: tuple(vars(halves_of(n, seed)).values()),
}
DRAWN = {
    "choice": "34f76e4a562985eb",
    "xgboost": "af7c5725abd7c112",
    "deep": "71e9c55b38f23d5e",
    "shared networks": "4801767fd7a80ecc",
    "architecture search": "4e966127c5fb15cf",
    "profiles": "558b82816d03068d",
}


@pytest.mark.parametrize("who", SPLITS)
def test_draws_stay_what_they_were(who: str):
    digest = sha256()
    for n in (1, 4, 14, 15, 25, 101, 786):
        for seed in (0, 7, 2**62):
            for rows in SPLITS[who](n, seed):
                digest.update(f"{n} {seed} {rows.dtype} {rows.shape}".encode() + rows.tobytes())
    assert digest.hexdigest()[:16] == DRAWN[who]
