"""Training many small networks side by side: the numbers of candidate `deep` on a GPU.

Importing this imports torch, which takes seconds: do it late.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float64

from modeling.candidates.mlp.torch_stacks import Stack, stack_of
from modeling.candidates.mlp.training import (
    BATCH,
    EpochPlan,
    Network,
    TrainingOutcome,
    note_epoch,
    plan_epoch,
)


def train(networks: Sequence[Network], stream: int, slots: int, device: str) -> list[TrainingOutcome]:
    """Train every network, `slots` at a time; a result may depend on its batch in its last bits.

    Adam at 1e-3 on batches of 32 (the last may be smaller); what it lowers is the mean squared error plus
    1e-4 times the sum of squared weights of each ReLU layer. `stream` seeds the orders and the dropout that
    the networks share. A network whose loss is not finite ends with a `failure`, and the rest go on. Torch
    uses one thread meanwhile. Raises ValueError where networks cannot share a stack.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            # Those that end together stand together, so that a stack shrinks as early as it can.
            order = sorted(range(len(networks)), key=lambda i: networks[i].epochs)
            results: dict[int, TrainingOutcome] = {}
            for block in (order[i : i + slots] for i in range(0, len(order), slots)):
                trained = _train_block([networks[i] for i in block], stream, device)
                results.update(zip(block, trained, strict=True))
            return [results[i] for i in range(len(networks))]
    finally:
        torch.set_num_threads(threads)


def _train_block(networks: Sequence[Network], stream: int, device: str) -> list[TrainingOutcome]:
    stack = stack_of(
        [network.train for network in networks],
        [network.validation for network in networks if network.validation is not None],
        [network.weights for network in networks],
        device,
    )
    results = [TrainingOutcome() for _ in networks]
    n_lines = len(networks[0].train.effect)
    epoch = 0
    while running := [i for i, result in enumerate(results) if not result.ended]:
        epoch += 1
        stack = stack.only(np.array(running))
        loss = _run_epoch(stack, plan_epoch(stream, n_lines, epoch))
        validation = _mean_squares(stack.validation_errors())
        for place, i in enumerate(stack.members):
            if not results[i].ended:
                take = partial(stack.take, place, networks[i].n_features)
                note_epoch(results[i], networks[i], loss[place], validation[place], take)
    return results


def _run_epoch(stack: Stack, plan: EpochPlan) -> Float64[np.ndarray, " filled"]:
    """One pass over the lines; each network's mean squared error while it was being trained."""
    device = stack.train.effect.device
    order = torch.from_numpy(plan.order).to(device)
    factors = [None if f is None else torch.from_numpy(f).to(device) for f in plan.factors]
    errors = []
    for first in range(0, len(order), BATCH):
        batch = slice(first, first + BATCH)
        errors.append(stack.step(order[batch], [None if f is None else f[batch] for f in factors]))
    return _mean_squares(stack.fetch(torch.cat(errors, dim=1)))


def _mean_squares(errors: Float64[np.ndarray, "networks lines"]) -> Float64[np.ndarray, " networks"]:
    """Mean square of each row; NaN for rows without values."""
    # What overflows is looked for in the result.
    with np.errstate(all="ignore"):
        return np.square(errors).sum(axis=1) / np.float64(errors.shape[1])
