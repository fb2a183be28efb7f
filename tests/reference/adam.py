"""A tanh network trained as a user of torch would write it: nn.Linear, autograd, Adam, a plain loop.

Nothing of ours is imported.
"""

import math
from itertools import pairwise

import torch


def network_of(weights, biases, dtype):
    """Linear layers of these starting values with tanh between them."""
    layers = []
    for weight, bias in zip(weights, biases, strict=True):
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=dtype)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(weight))
            layer.bias.copy_(torch.tensor(bias))
        layers += [layer, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def forward_slow(weights, biases, inputs):
    """One line at a time, one layer at a time, in float64."""
    given = []
    for line in inputs:
        values = [float(value) for value in line]
        for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            values = [
                sum(float(w) * v for w, v in zip(row, values, strict=True)) + float(b)
                for row, b in zip(weight, bias, strict=True)
            ]
            if i < len(weights) - 1:
                values = [math.tanh(v) for v in values]
        given.append(values)
    return given


def masked_sum(network, inputs, outputs, counted):
    errors = torch.where(counted, network(inputs) - outputs, 0.0)
    return (errors**2).sum()


def train_slow(start, learned, validation, seed, *, epochs, patience, batch, rate, dtype=torch.float64):
    """Weights and biases of the best epoch, that epoch, and losses: a pair for every epoch run.

    `start` is weights and biases; `learned` and `validation` (or None) are inputs, outputs and what counts.
    """
    network = network_of(*start, dtype)
    adam = torch.optim.Adam(network.parameters(), lr=rate, fused=False, foreach=False)
    orders = torch.Generator().manual_seed(seed)
    inputs, outputs, counted = tensors(learned, dtype)
    losses, best, best_epoch = [], None, 0
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(inputs), generator=orders)
        total = 0.0
        for rows in order.split(batch):
            part = inputs[rows], outputs[rows], counted[rows]
            adam.zero_grad()
            squares = masked_sum(network, *part)
            (squares / max(int(part[2].sum()), 1)).backward()
            adam.step()
            total += squares.item()
        with torch.no_grad():
            error = math.nan
            if validation is not None:
                theirs = tensors(validation, dtype)
                error = float(masked_sum(network, *theirs)) / int(theirs[2].sum())
        losses.append((total / int(counted.sum()), error))
        if validation is None or best is None or error < losses[best_epoch - 1][1]:
            best, best_epoch = [p.detach().clone().numpy() for p in network.parameters()], epoch
        if validation is not None and epoch - best_epoch >= patience:
            break
    return best[0::2], best[1::2], best_epoch, losses


def tensors(examples, dtype):
    inputs, outputs, counted = examples
    return torch.tensor(inputs, dtype=dtype), torch.tensor(outputs, dtype=dtype), torch.tensor(counted)


def count_slow(sizes):
    """Weights and biases of a network, one connection at a time."""
    total = 0
    for inputs, outputs in pairwise(sizes):
        for _ in range(outputs):
            total += inputs + 1
    return total
