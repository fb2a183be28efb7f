"""Candidate `deep`, compiled and in torch's stacks of 64, beside a plain loop over torch, in one run.

    python -m tests.benchmarks.bench_deep [targets] [targets of the loop]

One core. Real expression and dependency levels from ../shared where present, else simulated arrays (see
bench_quick). A trial takes 648 lines, as automatic selection gives it; a winner's refit takes all 720. The
stacks are what a GPU trains, here on the CPU.
"""

import sys
import time
from collections.abc import Sequence

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from modeling.candidates.choice import validation_split
from modeling.candidates.mlp.deep import Deep
from modeling.candidates.registry import Fitted, Problem
from tests.benchmarks.bench_quick import REAL, real_problems, simulated_problems
from tests.reference.deep import deep_slow, deep_slow_whole


def timed(
    deep: Deep, problems: Sequence[Problem], halves: Sequence[Problem]
) -> tuple[list[Fitted], list[float]]:
    """The trials, and core-seconds per target of a trial and a refit. On "cpu:0" torch trains."""
    deep.refit(problems[:1], [{"epochs": 1}])
    deep.fit([Problem(halves[0].features[:40], halves[0].effect[:40], 0)])
    begun = time.process_time()
    fits = deep.fit(halves)
    between = time.process_time()
    deep.refit(problems, [fit.parameters for fit in fits])
    ended = time.process_time()
    return fits, [(between - begun) / len(problems), (ended - between) / len(problems)]


def main() -> None:
    """Print core-seconds per target of trial and refit, both ways, and whether both stop alike."""
    targets = int(sys.argv[1]) if len(sys.argv) > 1 else 128
    slow_targets = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    problems = (real_problems if REAL.is_dir() else simulated_problems)(targets)
    halves = [problem.take(validation_split(problem)[0]) for problem in problems]
    torch.set_num_threads(1)
    with threadpool_limits(1):
        ours = [timed(Deep(device=device), problems, halves) for device in ("cpu", "cpu:0")]
        begun = time.process_time()
        slow = [deep_slow(p.features, p.effect, p.seed, p.fold_seed) for p in halves[:slow_targets]]
        slow_trial = (time.process_time() - begun) / slow_targets
        begun = time.process_time()
        for problem, found in zip(problems, slow, strict=False):
            deep_slow_whole(problem.features, problem.effect, problem.seed, problem.fold_seed, found[1])
        slow_refit = (time.process_time() - begun) / slow_targets
    fits = ours[0][0]
    epochs = np.array([fit.parameters["epochs"] for fit in fits])
    run = np.array([fit.parameters["epochs_run"] for fit in fits])
    print(f"{'real' if REAL.is_dir() else 'simulated'} data, {targets} targets, {slow_targets} by the loop,")
    print(f"20 to 60 modifiers, one core; best epoch {epochs.mean():.0f} on average, {run.mean():.0f} run")
    print("core-seconds per target   compiled  in stacks      loop")
    compiled, stacks = ours[0][1], ours[1][1]
    for what, *seconds in zip(
        ("trial, 648", "winner's refit, 720"), compiled, stacks, (slow_trial, slow_refit), strict=True
    ):
        own, stacked, loop = seconds
        print(f"  {what:22s}{own:10.3f}{stacked:11.3f}{loop:10.3f}  {loop / own:5.1f} times as long")
    share = np.mean(epochs[:slow_targets] == [found[1] for found in slow])
    print(f"(the loop's epochs alone: {run[:slow_targets].mean():.0f} run; both stop alike in {share:.0%})")
    print(f"not ok: {sum(fit.status != 'ok' for fit in fits)}")


if __name__ == "__main__":
    main()
