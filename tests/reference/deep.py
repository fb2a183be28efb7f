"""Candidate `deep` as a user of torch would write it: one network, autograd, a plain loop.

Nothing of ours is imported. What chance decides is derived again from the seeds, as the methods say.
"""

import hashlib
import json
import math
from itertools import pairwise

import numpy as np
import torch

UNITS = (50, 20, 15, 12)
RATES = (0.4, 0.2, 0.1, 0.0)


def rng_of(*parts):
    """A generator seeded by the hash of what it is for."""
    digest = hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:8], "big") >> 1))


def held_out_rows(n_lines, seed):
    order = rng_of(seed, "deep", "held out").permutation(n_lines)
    n_held = math.ceil(0.1 * n_lines)
    return np.sort(order[n_held:]), np.sort(order[:n_held])


class Network(torch.nn.Module):
    def __init__(self, n_features, seed):
        super().__init__()
        sizes = (n_features, *UNITS, 1)
        self.layers = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in pairwise(sizes))
        rng = rng_of(seed, "deep", "weights")
        with torch.no_grad():
            for layer in self.layers:
                limit = math.sqrt(6 / (layer.in_features + layer.out_features))
                values = rng.uniform(-limit, limit, (layer.in_features, layer.out_features))
                layer.weight.copy_(torch.from_numpy(values.T))
                layer.bias.zero_()

    def forward(self, x, masks=None):
        for i, layer in enumerate(self.layers[:-1]):
            x = torch.relu(layer(x))
            if masks is not None:
                x = x * masks[i]
        return self.layers[-1](x)[:, 0]

    def groups(self):
        """The penalty 1e-4 w^2 on the ReLU layers' weights is Adam's decay: its gradient is 2e-4 w."""
        decayed = [layer.weight for layer in self.layers[:-1]]
        others = [self.layers[-1].weight, *(layer.bias for layer in self.layers)]
        return [{"params": decayed, "weight_decay": 2e-4}, {"params": others}]


def masks_and_order(stream, n_lines, epoch):
    rng = rng_of(stream, "deep", n_lines, epoch)
    order = rng.permutation(n_lines)
    masks = []
    for rate, units in zip(RATES, UNITS, strict=True):
        kept = rng.random((n_lines, units), dtype=np.float32) >= np.float32(rate) if rate else 1.0
        masks.append(torch.as_tensor(np.broadcast_to(kept, (n_lines, units)) / (1 - rate)).float())
    return order, masks


def train_slow(features, effect, seed, stream, epochs, validation=None, patience=100):
    """(network, best epoch, training losses, validation losses) on standardised features."""
    x, y = torch.from_numpy(features).float(), torch.from_numpy(effect).float()
    network = Network(features.shape[1], seed)
    adam = torch.optim.Adam(network.groups(), lr=1e-3, fused=True)
    best, best_loss, best_weights = 0, math.inf, None
    losses, validation_losses = [], []
    for epoch in range(1, epochs + 1):
        order, masks = masks_and_order(stream, len(y), epoch)
        total = 0.0
        for first in range(0, len(y), 32):
            rows = order[first : first + 32]
            error = network(x[rows], [mask[first : first + 32] for mask in masks]) - y[rows]
            adam.zero_grad()
            (error**2).mean().backward()
            adam.step()
            total += float((error.detach().double() ** 2).sum())
        losses.append(total / len(y))
        if validation is None:
            best = epoch
            continue
        with torch.no_grad():
            error = network(torch.from_numpy(validation[0]).float()) - torch.from_numpy(validation[1]).float()
        validation_losses.append(float((error.double() ** 2).mean()))
        if validation_losses[-1] < best_loss:
            best, best_loss = epoch, validation_losses[-1]
            best_weights = {name: value.clone() for name, value in network.state_dict().items()}
        elif epoch - best >= patience:
            break
    if best_weights is not None:
        network.load_state_dict(best_weights)
    return network, best, losses, validation_losses


def deep_slow(features, effect, seed, stream, epochs=1500, patience=100):
    """(predict, best epoch, epochs run, held-out RMSE, training losses, held-out losses) of one problem."""
    standardise = standardiser(features)
    kept, held = held_out_rows(len(effect), seed)
    x = standardise(features)
    network, best, losses, validation = train_slow(
        x[kept], effect[kept], seed, stream, epochs, (x[held], effect[held]), patience
    )
    return (
        predictor(network, standardise),
        best,
        len(losses),
        math.sqrt(validation[best - 1]),
        losses,
        validation,
    )


def deep_slow_whole(features, effect, seed, stream, epochs):
    """Predict, after training on all lines for so many epochs."""
    standardise = standardiser(features)
    network, *_ = train_slow(standardise(features), effect, seed, stream, epochs)
    return predictor(network, standardise)


def standardiser(features):
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 1e-12, scale, 1.0)
    return lambda new: (new - mean) / scale


def predictor(network, standardise):
    def predict(new):
        with torch.no_grad():
            return network(torch.from_numpy(standardise(new)).float()).numpy().astype(np.float64)

    return predict
