"""What is kept of one variant on one dataset with one seed: a JSON file that pages are composed from."""

import json
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.measure import machine
from tests.benchmarks.study.bootstrap import line_weights, mean_r_of_draws
from tests.benchmarks.study.measures import OutOfFold, fold_r, mean_r, ranking, rmse_gain
from tests.benchmarks.study.variants import SUBSETS


@dataclass(frozen=True)
class Scores:
    """One variant on one set of targets; `draws` is the mean r of each resample of the lines."""

    mean_r: float
    gain: float
    ndcg: float
    ndcg_chance: float
    found: float
    draws: list[float]


@dataclass(frozen=True, eq=False)
class Result:
    """One variant, part and seed. `r` is each target's mean fold r; `scores` by number of targets.

    `detail` tells results of one variant in one part apart: a share of lines, or what was left out.
    """

    part: str
    variant: str
    seed: int
    detail: str
    lines: int
    train_lines: float
    command: str
    date: str
    machine: str
    seconds: float
    r: dict[str, float]
    scores: dict[int, Scores]

    @property
    def file(self) -> str:
        """Its name in the folder of results."""
        detail = f".{self.detail}" if self.detail else ""
        return f"{self.part}/{self.variant}{detail}.{self.seed}.{len(self.r)}.json"


def result_of(
    out: OutOfFold, part: str, variant: str, seed: int, command: str, measure: str, detail: str = ""
) -> Result:
    """Score predictions whose targets stand in the random order, on all of them and on its beginnings."""
    r = mean_r([fold_r(block) for block in out.blocks])
    weights = line_weights(len(out.cell_lines))
    sizes = sorted({len(out.targets), *(size for size in SUBSETS if size < len(out.targets))})
    tested = {int(line) for block in out.blocks for line in block.lines}
    return Result(
        part,
        variant,
        seed,
        detail,
        len(tested),
        train_lines=len(out.cell_lines) - float(np.mean([len(block.lines) for block in out.blocks])),
        command=command,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=machine(),
        seconds=out.seconds,
        r={name: round(float(each), 6) for name, each in zip(out.targets, r, strict=True)},
        scores={size: _scores(out, size, r, weights, measure) for size in sizes},
    )


def _scores(out: OutOfFold, size: int, r: np.ndarray, weights: np.ndarray, measure: str) -> Scores:
    part = out if size == len(out.targets) else out.of(out.targets[:size])
    ranks = ranking(part, lower_is_stronger=measure == "effect")
    draws = [round(float(each), 7) for each in mean_r_of_draws(part, weights)]
    return Scores(float(r[:size].mean()), rmse_gain(part), draws=draws, **ranks)


def write(result: Result, work: Path) -> Path:
    """Keep a result in the work folder."""
    path = work / "results" / result.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(result)))
    return path


def is_there(work: Path, part: str, variant: str, seed: int, targets: int, detail: str = "") -> bool:
    """Whether this result was kept before."""
    middle = f".{detail}" if detail else ""
    return (work / "results" / part / f"{variant}{middle}.{seed}.{targets}.json").exists()


def read_all(work: Path, part: str) -> list[Result]:
    """Every result of a part, by variant, detail and seed; of one with several sizes the largest."""
    found: dict[tuple[str, str, int], Result] = {}
    for path in sorted((work / "results" / part).glob("*.json")):
        result = _read(json.loads(path.read_text()))
        key = (result.variant, result.detail, result.seed)
        if key not in found or len(found[key].r) < len(result.r):
            found[key] = result
    return [found[key] for key in sorted(found)]


def _read(body: dict[str, Any]) -> Result:
    scores = {int(size): Scores(**each) for size, each in body.pop("scores").items()}
    known = {field.name for field in fields(Result)}
    return Result(scores=scores, **{name: value for name, value in body.items() if name in known})
