"""Preset `published` per target and fold, beside a loop over scikit-learn, XGBoost and torch, in one run.

    python -m tests.benchmarks.bench_published [targets] [targets of the loop]

One core. A block of random varying targets as a shard has it, selection and all, on the training lines of
one fold of five: real expression and dependency levels from ../shared where present, else simulated ones. The
loop takes some of the targets with the modifiers already selected; for the ratio ours repeats just those.
"""

import sys
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from modeling.candidates.choice import choose
from modeling.candidates.registry import PRESETS, Problem, candidates_of
from modeling.folds import make_folds
from modeling.seeds import seed_of
from modeling.selection.select import SelectionSettings
from tasks.fitting.fold import MethodSettings, Panel
from tasks.fitting.modifiers import PreparedFold, TargetFit, features_of, fit_targets, prepare_fold
from tests.benchmarks.real_problems import real_panel, simulated_panel
from tests.reference.hard_data import signal
from tests.reference.published import choose_published

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
SETTINGS = MethodSettings("modifiers", "published", SelectionSettings(), 0)


def ours(panel: Panel, prepared: PreparedFold, targets: Sequence[int]) -> tuple[float, list[TargetFit]]:
    """Core-seconds of the block, and the fits of those with modifiers."""
    begun = time.process_time()
    fits = fit_targets(panel, prepared, targets, SETTINGS)
    return time.process_time() - begun, [fit for fit in fits if fit.choice is not None]


def parts(fits: Sequence[TargetFit]) -> dict[str, float]:
    """Mean core-seconds of each candidate's trial, the winner's refit and the selection."""
    choices = [fit.choice for fit in fits if fit.choice is not None]
    seconds = {
        name: float(np.mean([t.seconds for c in choices for t in c.trials if t.candidate == name]))
        for name in PRESETS["published"]
    }
    seconds["refit"] = float(np.mean([c.seconds - sum(t.seconds for t in c.trials) for c in choices]))
    return seconds | {
        "selection": float(np.mean([f.seconds - c.seconds for f, c in zip(fits, choices, strict=True)]))
    }


def loop(panel: Panel, fold: int, fits: Sequence[TargetFit]) -> tuple[float, dict[str, float], list[str]]:
    """Core-seconds per target of the loop, those of its parts, and its winners."""
    begun = time.process_time()
    chosen = [
        choose_published(
            features_of(panel.expression.T, fit.train, fit.modifiers.genes),
            panel.effect[fit.train, fit.target].astype(np.float64),
            seed_of(0, panel.targets[fit.target], fold, "autoselect"),
            seed_of(0, "fold", fold),
        )
        for fit in fits
        if fit.modifiers is not None
    ]
    seconds = (time.process_time() - begun) / len(fits)
    spent = {name: float(np.mean([c[2][name] for c in chosen])) for name in PRESETS["published"]}
    return seconds, spent | {"refit": float(np.mean([c[3] for c in chosen]))}, [c[0] for c in chosen]


def warm_up() -> None:
    """Compile and import what either way needs."""
    features, effect = signal(60, 4, 0)
    choose([Problem(features, effect, 0)], candidates_of("published"))
    choose_published(features, effect, 0, 0)


def main() -> None:
    """Print core-seconds per target and fold, split, the ratio, and how often both choose alike."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    few = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    panel = real_panel(REAL) if REAL.is_dir() else simulated_panel()
    fold = make_folds("kfold", len(panel.cell_lines), 5, 0)[0]
    targets = np.random.default_rng(0).permutation(len(panel.targets))[:wanted].tolist()
    torch.set_num_threads(1)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warm_up()
        prepared = prepare_fold(panel, fold, SETTINGS)
        whole, fits = ours(panel, prepared, targets)
        some = fits[:few]
        alone, again = ours(panel, prepared, [fit.target for fit in some])
        theirs, their_parts, winners = loop(panel, fold.number, some)
    sizes = [len(fit.modifiers) for fit in fits if fit.modifiers is not None]
    kind = "real" if REAL.is_dir() else "simulated"
    print(f"{kind} data, {len(targets)} targets, {len(fits)} with modifiers,")
    print(f"{np.mean(sizes):.0f} on average; {len(fold.train)} training lines, one core;")
    print(
        "core-seconds per target and fold with modifiers (must: at most 1.0, and the loop at least 4 times)"
    )
    print(f"published, the block         {whole / len(fits):7.3f}")
    print(f"published, {len(some)} targets alone {alone / len(some):9.3f}")
    print(
        f"the loop, the same {len(some)}        {theirs:8.3f}, {theirs * len(some) / alone:.1f} times as long"
    )
    print(f"{'':24s}{'block':>8s}{'alone':>8s}{'loop':>8s}")
    own, same = parts(fits), parts(again)
    for name, seconds in own.items():
        line = f"  {name:22s}{seconds:8.3f}{same[name]:8.3f}"
        print(f"{line}{their_parts[name]:8.3f}" if name in their_parts else f"{line}{'-':>8s}")
    print(f"winners {dict(Counter(fit.model for fit in fits))}")
    print(f"not ok: {sum(fit.status != 'ok' for fit in fits)}")
    alike = np.mean([fit.model == winner for fit, winner in zip(some, winners, strict=True)])
    print(f"the loop's winners alike in {alike:.0%} of {len(some)}")


if __name__ == "__main__":
    main()
