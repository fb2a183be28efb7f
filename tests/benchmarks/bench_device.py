"""A GPU beside the CPU: the same genes selected, `deep` within its tolerance, what each takes, in one run.

    python -m tests.benchmarks.bench_device [--targets N --genes N --networks N --repeat N]

Where torch sees no GPU it says so and does the same with torch's own CPU ("cpu:0"), by the same code. The
CPU beside it is one core, without torch for selection. Ends with 1 where anything differs by more than is
promised: selection in any bit, a rough magnitude by more than its error, a network after ten epochs by more
than 1e-4.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from modeling.candidates.mlp.deep import Deep
from modeling.selection.association import (
    TARGETS_AT_ONCE,
    TESTS,
    error_of,
    magnitudes_on,
    one_blas_thread,
    prepare_targets,
)
from modeling.selection.prepared import prepare_genes
from modeling.selection.select import Modifiers, SelectionSettings, select
from modeling.selection.torch_association import on_device
from tests.benchmarks.bench_quick import REAL, real_problems, simulated_problems
from tests.benchmarks.bench_selection import simulate_effects, simulate_expression
from tests.modeling.selection_data import real_pair

LINES = 786
TEN_EPOCHS, DEEP_TOLERANCE = {"epochs": 10}, 1e-4


def main() -> int:
    """Print what was compared and timed; 1 where a promise is broken."""
    options = arguments()
    gpu = torch.cuda.is_available()
    device = "cuda" if gpu else "cpu:0"
    torch.set_num_threads(1)
    if gpu:
        print(f"torch {torch.__version__} on {torch.cuda.get_device_name()}")
    else:
        print(
            f"torch {torch.__version__} sees no GPU here: what follows is the same code on its CPU, one core"
        )
    with threadpool_limits(1):
        wrong = selections(options, device) + networks(options, device)
    for problem in wrong:
        print(f"WRONG: {problem}")
    print("everything within what is promised" if not wrong else f"{len(wrong)} promises broken")
    return int(bool(wrong))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=512)
    parser.add_argument("--genes", type=int, default=18_000)
    parser.add_argument("--networks", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=3, help="of the timed parts; the shortest is told")
    return parser.parse_args()


def selections(options: argparse.Namespace, device: str) -> list[str]:
    """Select for simulated targets of genome size, and for real ones where the real data are."""
    rng = np.random.default_rng(0)
    x = simulate_expression(LINES, options.genes, rng)
    wrong = one_selection("simulated", x, simulate_effects(x, options.targets, 0.5, rng), options, device)
    if REAL.is_dir():
        expression, levels = real_pair(REAL)
        rows = np.sort(rng.permutation(len(expression))[:LINES])
        y = levels[rows]
        y = y[:, ~np.isnan(y).any(axis=0) & (np.std(y, axis=0) > 0.1)]
        wrong += one_selection("real", expression[rows], y[:, : options.targets], options, device)
    return wrong


def one_selection(
    name: str, x: np.ndarray, y: np.ndarray, options: argparse.Namespace, device: str
) -> list[str]:
    genes, settings = prepare_genes(x), SelectionSettings()
    there = replace(genes, digest=name)
    select(genes, y[:, :1], settings)
    send = shortest(1, lambda: (on_device(there, device), waited(device)))[0]
    tile_here, tile_there = (magnitudes_on(genes, "cpu"), magnitudes_on(there, device))
    targets = prepare_targets(np.ascontiguousarray(y[:, :TARGETS_AT_ONCE].T))
    fill_here = shortest(options.repeat, lambda: tile_here.fill(targets))[0]
    fill_there = shortest(options.repeat, lambda: tile_there.fill(targets))[0]
    seconds_here, here = shortest(1, lambda: select(genes, y, settings))
    seconds_there, found = shortest(options.repeat, lambda: select(there, y, settings, device))
    kept = sum(len(one) > 0 for one in here)
    print(f"\n{name}: {y.shape[1]} targets ({kept} with modifiers) x {x.shape[1]} genes x {len(x)} lines")
    print(f"  genes sent to {device:6s}            {send:8.3f} s, once a fold and process")
    print(
        f"  tile of {TARGETS_AT_ONCE} targets         {fill_there:8.3f} s; numpy, one core {fill_here:.3f} s"
    )
    print(f"  selection                      {seconds_there:8.3f} s; numpy, one core {seconds_here:.3f} s")
    wrong = [
        f"{name}: {what}"
        for what in (*magnitudes_off(tile_there, tile_here, len(targets), len(x)), *differing(found, here))
    ]
    order = np.random.default_rng(1).permutation(y.shape[1])
    again = select(there, y[:, order], settings, device)
    moved = differing(again, [found[i] for i in order])
    return wrong + [f"{name}, in another order: {what}" for what in moved]


def magnitudes_off(there: Any, here: Any, targets: int, lines: int) -> list[str]:
    """Which tests' magnitudes are further apart than both errors; prints how far they are."""
    wrong = []
    for test, ours, theirs in zip(TESTS, there.rough, here.rough, strict=True):
        apart, error = float(np.abs(ours[:targets] - theirs[:targets]).max()), error_of(test, lines)
        print(f"  {test:8s} apart                {apart:8.1e}; each may be off by {error:.1e}")
        if apart > 2 * error:
            wrong.append(f"{test}: magnitudes are {apart:.1e} apart, each may be off by {error:.1e}")
    return wrong


def differing(found: Sequence[Modifiers], expected: Sequence[Modifiers]) -> list[str]:
    """The targets of whose modifiers any bit differs."""
    return [
        f"target {target}: {field.name} differs"
        for target, (one, other) in enumerate(zip(found, expected, strict=True))
        for field in fields(Modifiers)
        if not np.array_equal(getattr(one, field.name), getattr(other, field.name))
    ]


def networks(options: argparse.Namespace, device: str) -> list[str]:
    """Train `deep` both ways."""
    problems = (real_problems if REAL.is_dir() else simulated_problems)(options.networks)
    trials = [TEN_EPOCHS] * len(problems)
    Deep(device=device).refit(problems[:1], trials[:1])
    ten = [Deep(device=where).refit(problems, trials) for where in ("cpu", device)]
    apart = furthest_apart(problems, *ten)
    elsewhere = furthest_apart(problems, ten[1], Deep(device=device, slots=16).refit(problems, trials))
    end = "  to the end                    "
    seconds_here, here = shortest(1, lambda: Deep().fit(problems))
    seconds_there, there = shortest(options.repeat, lambda: Deep(device=device).fit(problems))
    alike = np.mean(
        [a.parameters["epochs"] == b.parameters["epochs"] for a, b in zip(here, there, strict=True)]
    )
    print(f"\ndeep: {len(problems)} {'real' if REAL.is_dir() else 'simulated'} targets, trained as one stack")
    print(f"  after 10 epochs                {apart:8.1e} apart in the effect's unit, at most")
    print(f"  the same, in stacks of 16      {elsewhere:8.1e} apart from stacks of 64 on {device}")
    print(f"{end} {furthest_apart(problems, here, there):8.1e} apart; same best epoch {alike:.0%}")
    print(
        f"  time                           {seconds_there:8.3f} s; torch's CPU, one core {seconds_here:.3f} s"
    )
    return [f"deep: {apart:.1e} apart after ten epochs"] if not apart <= DEEP_TOLERANCE else []


def furthest_apart(problems: Sequence[Any], some: Sequence[Any], others: Sequence[Any]) -> float:
    """The largest difference of two fits' forecasts for the lines they were fitted on."""
    return max(
        float(np.abs(a.predict(p.features) - b.predict(p.features)).max())
        for p, a, b in zip(problems, some, others, strict=True)
    )


def waited(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def shortest(times: int, work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of wall time, the shortest of some, and the last result."""
    seconds, result = float("inf"), None
    with one_blas_thread():
        for _ in range(times):
            begun = time.perf_counter()
            result = work()
            seconds = min(seconds, time.perf_counter() - begun)
    return seconds, result


if __name__ == "__main__":
    sys.exit(main())
