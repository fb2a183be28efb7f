"""The parts of the study: which variants are run on which dataset, in which folds."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from modeling.folds import Fold, make_folds
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tasks.fitting.fold import Panel, panel_of
from tasks.methods.method import Method
from tests.benchmarks.study import ablation
from tests.benchmarks.study.datasets import dataset
from tests.benchmarks.study.learning import SHARES, thinned
from tests.benchmarks.study.measures import OutOfFold
from tests.benchmarks.study.results import is_there, result_of, write
from tests.benchmarks.study.runs import run_folds, run_into_store, settings_for
from tests.benchmarks.study.variants import BY_NAME, Variant, ordered_targets, targets_of

SEEDS = (101, 102, 103)  # of the folds: used here and nowhere else, so that no choice was made on them
FOLDS = 5
LEARNING = ("quick", "ridge", "kernel", "reduced_rank", "best")  # variants of the learning curve


@dataclass(frozen=True)
class Asked:
    """What to run, from the command line. `targets` are that many of the random order, None all of them."""

    work: Path
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    targets: int | None
    workers: int
    command: str


@dataclass(frozen=True, eq=False)
class Piece:
    """One result to be: `make` computes its predictions."""

    variant: Variant
    seed: int
    targets: list[str]
    detail: str
    make: Callable[[], OutOfFold]
    train_lines: float | None = None


def run_part(name: str, asked: Asked) -> None:
    """Everything of a part that is asked for and was not kept before."""
    data = dataset(PARTS[name].dataset, asked.work)
    for piece in PARTS[name].pieces(name, data, asked):
        here = (asked.work, name, piece.variant.name, piece.seed, len(piece.targets), piece.detail)
        what = " ".join(str(each) for each in here[1:])
        if piece.variant.missing:
            print(f"{what}: not run ({piece.variant.missing})", file=sys.stderr)
        elif not is_there(*here):
            print(what, file=sys.stderr, flush=True)
            _keep(name, data, piece, asked)


def _keep(name: str, data: Dataset, piece: Piece, asked: Asked) -> None:
    try:
        out = piece.make()
    except BadInputError as error:
        print(f"{name} {piece.variant.name}: not run ({error})", file=sys.stderr)
        return
    result = result_of(
        out, name, piece.variant.name, piece.seed, asked.command, data.measure, detail=piece.detail
    )
    if piece.train_lines is not None:
        result = replace(result, train_lines=piece.train_lines)
    write(result, asked.work)


def _chosen(asked: Asked) -> list[Variant]:
    return [BY_NAME[name] for name in asked.variants]


def _kfold(name: str, data: Dataset, asked: Asked) -> Iterator[Piece]:
    """Five random folds, through the real `run`."""
    order = ordered_targets(data)
    for seed, variant in product(asked.seeds, _chosen(asked)):
        targets = targets_of(variant, order, asked.targets)
        store = asked.work / "stores" / name / str(seed) / variant.name
        make = partial(run_into_store, data, store, variant, targets, seed, asked.workers)
        yield Piece(variant, seed, targets, "", make)


def _lineage(name: str, data: Dataset, asked: Asked) -> Iterator[Piece]:
    """Each large lineage held out in turn. The folds are the same for every seed, so one is enough."""
    panel, order, seed = panel_of(data), ordered_targets(data), asked.seeds[0]
    made = make_folds("lineage", len(data.cell_lines), FOLDS, seed, data.lineages)
    folds = [fold for fold in made if not fold.control]
    for variant in _chosen(asked):
        targets = targets_of(variant, order, asked.targets)
        yield Piece(variant, seed, targets, "", partial(_in_folds, panel, folds, variant, seed, targets))


def _curve(name: str, data: Dataset, asked: Asked) -> Iterator[Piece]:
    """Shares of each fold's training lines; the test lines stay."""
    panel, order = panel_of(data), ordered_targets(data)
    variants = [variant for variant in _chosen(asked) if variant.name in LEARNING]
    for seed, variant, share in product(asked.seeds, variants, SHARES):
        folds = [thinned(f, share, seed) for f in make_folds("kfold", len(data.cell_lines), FOLDS, seed)]
        targets = targets_of(variant, order, asked.targets)
        make = partial(_in_folds, panel, folds, variant, seed, targets)
        lines = float(np.mean([len(fold.train) for fold in folds]))
        yield Piece(variant, seed, targets, f"{round(100 * share)}", make, lines)


def _ablation(name: str, data: Dataset, asked: Asked) -> Iterator[Piece]:
    """`best` with one part left out at a time."""
    panel, order, variant = panel_of(data), ordered_targets(data), BY_NAME["best"]
    targets = targets_of(variant, order, asked.targets)
    for seed, (left_out, method) in product(asked.seeds, ablation.methods().items()):
        folds = make_folds("kfold", len(data.cell_lines), FOLDS, seed)
        make = partial(_in_folds, panel, folds, variant, seed, targets, method)
        yield Piece(variant, seed, targets, left_out, make)


def _in_folds(
    panel: Panel,
    folds: Sequence[Fold],
    variant: Variant,
    seed: int,
    targets: Sequence[str],
    method: Method | None = None,
) -> OutOfFold:
    return run_folds(panel, folds, settings_for(variant, seed), targets, method)


@dataclass(frozen=True)
class Part:
    """One part: its dataset, and what is run on it."""

    dataset: str
    pieces: Callable[[str, Dataset, Asked], Iterator[Piece]]


PARTS = {
    "levels": Part("levels", _kfold),
    "chronos": Part("chronos", _kfold),
    "breast": Part("breast", _kfold),
    "sim3000": Part("sim3000", _kfold),
    "sim18000": Part("sim18000", _kfold),
    "lineage": Part("levels", _lineage),
    "curve": Part("levels", _curve),
    "ablation": Part("levels", _ablation),
}
LARGE = frozenset({"sim18000"})
