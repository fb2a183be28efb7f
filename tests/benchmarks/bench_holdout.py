"""What `predict` promises, on real cell lines that no model of the store has seen.

    python -m tests.benchmarks.bench_holdout [--only levels,chronos] [--targets N] [--work DIR]

Each fifth of the lines is held out once; a store of the other four fifths, with the defaults of `run` and
four methods, predicts it. Printed: what `--method auto` chooses beside other ways to choose, and how often
intervals hold the truth. `--work` keeps datasets and stores for the next time.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cluster import Store, run
from cluster.results.trust import ranked_models
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset, write_dataset
from tests.benchmarks.bench_predict import folder_of
from tests.benchmarks.measure import machine
from tests.benchmarks.study.bootstrap import line_weights, mean_r_of_draws, paired
from tests.benchmarks.study.datasets import DATA, dataset
from tests.benchmarks.study.measures import Block, OutOfFold, fold_r, target_r

METHODS = ("modifiers", "ridge", "kernel", "best")
STORED = (("modifiers", "best"), METHODS)  # what a store may hold when `auto` chooses
LEVELS = (0.8, 0.9, 0.95)
STRONGEST = (0.03, 0.005)  # shares of all predictions
FIFTHS, DRAWN_WITH, LEAST_SD = 5, 2026, 0.1
AUTO = "auto"


@dataclass(frozen=True, eq=False)
class Held:
    """One fifth, predicted: its lines (positions in the dataset), `measured` samples x targets, and by method
    (`AUTO` among them) `predicted` and, of each level, (`low`, `high`). `models` are `ranked_models` of what
    may be stored. `sign` is -1 where low values are strong dependencies.
    """

    lines: np.ndarray
    measured: pd.DataFrame
    predicted: dict[str, pd.DataFrame]
    intervals: dict[tuple[str, float], tuple[pd.DataFrame, pd.DataFrame]]
    models: dict[tuple[str, ...], pd.DataFrame]
    sign: float


def main() -> None:
    """Print both tables of each dataset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="levels,chronos", help="datasets of the study, with commas between")
    parser.add_argument("--targets", type=int, default=200, help="so many at most, drawn at random")
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"the real data is not at {DATA}")
    print(machine())
    with folder_of(options.work) as folder:
        for name in options.only.split(","):
            source = dataset(name, folder)
            fifths = [held_out(source, folder / "holdout" / name, i, options.targets) for i in range(FIFTHS)]
            print(f"\n### {name}: {len(source.cell_lines)} lines\n")
            print_choices(fifths, source)
            print_intervals(fifths)


def held_out(source: Dataset, folder: Path, fifth: int, most: int) -> Held:
    """Models of four fifths of the lines, and what they say of the other."""
    order = np.random.default_rng(DRAWN_WITH).permutation(len(source.cell_lines))
    held = np.sort(order[fifth::FIFTHS])
    kept = np.setdiff1d(order, held)
    targets = drawn_targets(source, kept, most)
    here = folder / str(fifth)
    if not (here / "dataset").exists():
        here.mkdir(parents=True, exist_ok=True)
        write_dataset(
            here / "dataset",
            expression=source.expression[kept],
            effect=source.effect[kept],
            cell_lines=[source.cell_lines[i] for i in kept],
            genes=source.genes,
            targets=source.targets,
            lineages=[source.lineages[i] for i in kept],
            measure=source.measure,
        )
    run(here / "dataset", here / "store", methods=METHODS, targets=targets, seed=500 + fifth, workers=0)
    names = [source.cell_lines[i] for i in held]
    samples = pd.DataFrame(np.asarray(source.expression)[held], index=names, columns=source.genes)
    place = [source.targets.index(target) for target in targets]
    measured = pd.DataFrame(np.asarray(source.effect)[np.ix_(held, place)], index=names, columns=targets)
    store = Store(here / "store")
    made = {
        (method, level): store.predict(samples, method, interval=level)
        for method in (*METHODS, AUTO)
        for level in LEVELS
    }
    reader = StoreReader.open(here / "store")
    return Held(
        held,
        measured,
        {method: made[method, LEVELS[0]].predicted for method in (*METHODS, AUTO)},
        {key: (one.low, one.high) for key, one in made.items()},
        {stored: ranked_models(reader, stored)[0] for stored in STORED},
        -1.0 if made[AUTO, LEVELS[0]].low_is_strong else 1.0,
    )


def drawn_targets(source: Dataset, kept: np.ndarray, most: int) -> list[str]:
    """At most so many of those that vary over the kept lines and are measured in four fifths of them."""
    effect = np.asarray(source.effect)[kept]
    known = np.isnan(effect).mean(axis=0) < 1 / FIFTHS
    varies = np.flatnonzero(known & (np.nanstd(np.where(known, effect, 0.0), axis=0) > LEAST_SD))
    drawn = np.random.default_rng(DRAWN_WITH).permutation(varies)[:most]
    return [source.targets[i] for i in np.sort(drawn)]


def print_choices(fifths: Sequence[Held], source: Dataset) -> None:
    """Mean r on held-out lines by the way to choose a target's method."""
    pairs = sum(held.measured.shape[1] for held in fifths)
    weights = line_weights(len(source.cell_lines))
    base = as_out_of_fold(fifths, source, [held.predicted["best"] for held in fifths])
    drawn = mean_r_of_draws(base, weights)
    print(f"{pairs} pairs of target and fifth; intervals by drawing lines anew.\n")
    print("| choice | mean r | less `best` for all (95 %) | by another method | worse for it |")
    print("|---|---|---|---|---|")
    for name, choice in choices(fifths).items():
        out = as_out_of_fold(
            fifths, source, [predictions_of(h, c) for h, c in zip(fifths, choice, strict=True)]
        )
        other = mean_r_of_draws(out, weights)
        less = paired([target_r(out).mean()], [target_r(base).mean()], [other], [drawn])
        mean = f"{target_r(out).mean():.4f}"
        if "for all" in name:
            moved = worse = "–"
        else:
            moved, worse = map(str, switched(fifths, choice, out, base))
        gain = f"{less.difference:+.4f} ({less.low:+.4f} to {less.high:+.4f})"
        print(f"| {name} | {mean} | {gain} | {moved} | {worse} |")


def choices(fifths: Sequence[Held]) -> dict[str, list[dict[str, str]]]:
    """By its words, each fifth's choice: the method of every target (none: predicted by a constant)."""
    found = {}
    for method in METHODS:
        found[f"`{method}` for all"] = [dict.fromkeys(held.measured, method) for held in fifths]
    for stored in STORED:
        words = "of " + ", ".join(f"`{method}`" for method in stored)
        found[f"the higher score {words}"] = [_first(held.models[stored], "score") for held in fifths]
        found[f"`auto` {words}"] = [_first(held.models[stored], "rank") for held in fifths]
    return found


def _first(models: pd.DataFrame, by: str) -> dict[str, str]:
    rows = models[models["predicts"]].sort_values(
        by, ascending=by == "rank", kind="stable", na_position="last"
    )
    first = rows.drop_duplicates("target")
    return dict(zip(first["target"], first["method"], strict=True))


def predictions_of(held: Held, choice: dict[str, str]) -> pd.DataFrame:
    """Each target's predictions by its method."""
    columns = {
        target: held.predicted[method][target]
        for target, method in choice.items()
        if target in held.predicted[method]
    }
    return pd.DataFrame(columns).reindex(index=held.measured.index, columns=held.measured.columns)


def as_out_of_fold(fifths: Sequence[Held], source: Dataset, predicted: Sequence[pd.DataFrame]) -> OutOfFold:
    """Each fifth as a fold; a target that was not drawn there is missing."""
    names = sorted(set().union(*(held.measured.columns for held in fifths)))
    blocks = tuple(
        Block(
            held.lines,
            held.measured.reindex(columns=names).to_numpy(np.float64),
            made.reindex(columns=names).to_numpy(np.float64),
            np.zeros(len(names)),
        )
        for held, made in zip(fifths, predicted, strict=True)
    )
    return OutOfFold(tuple(source.cell_lines), tuple(names), blocks)


def switched(
    fifths: Sequence[Held], choice: Sequence[dict[str, str]], out: OutOfFold, base: OutOfFold
) -> tuple[int, int]:
    """How many pairs are not predicted by `best`, and for how many of them its r would be higher."""
    moved = worse = 0
    for held, chosen, mine, bests in zip(fifths, choice, out.blocks, base.blocks, strict=True):
        lower = pd.Series(fold_r(mine) < fold_r(bests), index=list(out.targets))
        others = [target for target in held.measured if chosen.get(target, "best") != "best"]
        moved += len(others)
        worse += int(lower[others].sum())
    return moved, worse


def print_intervals(fifths: Sequence[Held]) -> None:
    """The share of measured values within the intervals."""
    strong = [f"`auto`, strongest {100 * share:g} %" for share in STRONGEST]
    print(f"\n| `--interval` | {' | '.join(f'`{m}`' for m in (*METHODS, AUTO))} | {' | '.join(strong)} |")
    print("|" + "---|" * (1 + len(METHODS) + 1 + len(STRONGEST)))
    for level in LEVELS:
        shares = [within(fifths, method, level) for method in (*METHODS, AUTO)]
        shares += [within(fifths, AUTO, level, share) for share in STRONGEST]
        print(f"| {level} | {' | '.join(f'{share:.3f}' for share in shares)} |")


def within(fifths: Sequence[Held], method: str, level: float, strongest: float | None = None) -> float:
    """Share of measured values within the intervals: of all, or of each fifth's strongest predictions."""
    inside, count = 0, 0
    for held in fifths:
        predicted = held.predicted[method]
        low, high = (frame[predicted.columns].to_numpy() for frame in held.intervals[method, level])
        measured = held.measured[predicted.columns].to_numpy(np.float64)
        known = ~np.isnan(measured) & ~np.isnan(low)
        if strongest is not None:
            strength = held.sign * predicted.to_numpy()
            known &= strength >= np.quantile(strength[known], 1 - strongest)
        inside += int(((measured >= low) & (measured <= high) & known).sum())
        count += int(known.sum())
    return inside / count


if __name__ == "__main__":
    main()
