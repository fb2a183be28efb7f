"""Training the shared networks of a fold: per epoch, beside the bare matrix products, and how it grows.

    python -m tests.benchmarks.bench_networks [--genes N --targets N --lines N]

Noise: no time here depends on the values. One thread, in its own core-seconds, so that other work on the
machine counts as little as it can. The bound is the five products of a step that are as long as the genes:
forward through the first and the last layer, the slopes of both layers' weights, and backward through the
last.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from modeling.networks.adam import train
from modeling.networks.mlp import initial_perceptron
from modeling.networks.shared_networks import (
    CODE,
    DEPENDENCY_UNITS,
    EXPRESSION_UNITS,
    HIDDEN_LAYERS,
    PLAIN,
    VALIDATION_SHARE,
)
from modeling.networks.training_state import Examples, Schedule
from tests.benchmarks.measure import machine

BATCH, EPOCHS = 32, 300
BOUND_SECONDS = 600  # of one core, for a fold
FEW, MORE = 1, 6  # epochs whose difference is the cost of one
GENES_EPOCHS = 5  # at each number of genes
Sizes = tuple[int, ...]


def main() -> None:
    """Print the cost of each network, of a fold, and its growth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--genes", type=int, default=17_000)
    parser.add_argument("--targets", type=int, default=4900)
    parser.add_argument("--lines", type=int, default=700, help="training lines of a fold; a tenth is watched")
    options = parser.parse_args()
    torch.set_num_threads(1)
    training((5, 5, 5), 40, 1)  # loads what torch loads late
    print(f"{options.lines} training lines, batch {BATCH}, one thread; {machine()}\n")
    networks_of_a_fold(options.genes, options.targets, options.lines)
    print()
    growth(options.genes, options.lines)


def networks_of_a_fold(genes: int, targets: int, lines: int) -> None:
    """What each network costs, and a fold with them."""
    codes = EXPRESSION_UNITS, DEPENDENCY_UNITS
    sizes: dict[str, Sizes] = {
        "expression": autoencoder(genes),
        "dependency": (targets, *(DEPENDENCY_UNITS,) * 3, targets),
        "code": (codes[0], *HIDDEN_LAYERS[CODE], codes[1]),
        "plain": (genes, *HIDDEN_LAYERS[PLAIN], targets),
    }
    print("| network | layers | a step | five products | ratio | an epoch | start and end |")
    print("|---|---|---|---|---|---|---|")
    whole = {}
    for name, own in sizes.items():
        gaps = name == "dependency"
        # In turn, so that what else the machine does weighs on both sides of the ratio.
        bare, few = products(own), training(own, lines, FEW, gaps)
        bare, more = bare + products(own), training(own, lines, MORE, gaps)
        bare = (bare + products(own)) / 3
        epoch = (more - few) / (MORE - FEW)
        step, rest = epoch / steps(lines), max(few - FEW * epoch, 0.0)
        whole[name] = rest + EPOCHS * epoch
        bound = f"{bare * 1e3:.1f} ms | {step / bare:.2f}" if name in {"expression", "dependency"} else "|"
        shown = "-".join(map(str, own))
        print(f"| {name} | {shown} | {step * 1e3:.1f} ms | {bound} | {epoch:.2f} s | {rest:.2f} s |")
    fold = sum(whole[name] for name in ("expression", "dependency", "code"))
    print("\n| | |\n|---|---|")
    print(f"| fold of `latent`, {EPOCHS} epochs each (must: {BOUND_SECONDS} s) | {fold:.0f} s |")
    print(f"| fold of `plain`, {EPOCHS} epochs | {whole['plain']:.0f} s |")


def growth(genes: int, lines: int) -> None:
    """The expression autoencoder with more genes, and for more epochs."""
    print(f"| genes, {GENES_EPOCHS} epochs | seconds | per 1000 genes |\n|---|---|---|")
    for count in (genes // 8, genes // 4, genes // 2, genes):
        seconds = training(autoencoder(count), lines, GENES_EPOCHS)
        print(f"| {count} | {seconds:.2f} | {seconds / count * 1e3:.3f} |")
    part = genes // 4
    print(f"\n| epochs, {part} genes | seconds | per epoch |\n|---|---|---|")
    for epochs in (5, 10, 20):
        seconds = training(autoencoder(part), lines, epochs)
        print(f"| {epochs} | {seconds:.2f} | {seconds / epochs:.3f} |")


def autoencoder(genes: int) -> Sizes:
    """Layers of the expression autoencoder."""
    return (genes, *(EXPRESSION_UNITS,) * 3, genes)


def steps(lines: int) -> int:
    """Batches in an epoch."""
    return -(-(lines - round(VALIDATION_SHARE * lines)) // BATCH)


def training(sizes: Sizes, lines: int, epochs: int, gaps: bool = False) -> float:
    """Core-seconds of a training that does not stop early, from its start to its weights as arrays."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((lines, sizes[0]), dtype=np.float32)
    same = sizes[0] == sizes[-1]
    outputs = inputs if same else rng.standard_normal((lines, sizes[-1]), dtype=np.float32)
    counted = rng.random(outputs.shape) > 2e-4 if gaps else None
    watched = round(VALIDATION_SHARE * lines)
    parts = [
        Examples(inputs[rows], outputs[rows], None if counted is None else counted[rows])
        for rows in (slice(watched, None), slice(0, watched))
    ]
    start = initial_perceptron(sizes, 0)
    schedule = Schedule(epochs, epochs, BATCH)
    return core_seconds(lambda: train(start, *parts, schedule, 0))


def products(sizes: Sizes, repeats: int = 20) -> float:
    """Core-seconds of a step's five products with the first and the last layer, written in place."""
    inputs, first, last, outputs = sizes[0], sizes[1], sizes[-2], sizes[-1]
    x, slopes = torch.randn(BATCH, inputs), torch.randn(BATCH, outputs)
    hidden, back, wide = torch.randn(BATCH, first), torch.randn(BATCH, last), torch.empty(BATCH, outputs)
    one, two = torch.randn(first, inputs), torch.randn(outputs, last)
    of_one, of_two = torch.empty_like(one), torch.empty_like(two)

    def step() -> None:
        torch.mm(x, one.T, out=hidden)
        torch.mm(back, two.T, out=wide)
        torch.mm(slopes.T, back, out=of_two)
        torch.mm(hidden.T, x, out=of_one)
        torch.mm(slopes, two, out=back)
        back.mul_(1e-3)  # else the numbers would grow from step to step

    step()
    return core_seconds(lambda: [step() for _ in range(repeats)]) / repeats


def core_seconds(work: Callable[[], object]) -> float:
    """Of this thread, which does all the work."""
    begun = time.thread_time()
    work()
    return time.thread_time() - begun


if __name__ == "__main__":
    main()
