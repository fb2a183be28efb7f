"""Training a fold's shared networks (methods `latent`, `plain`): from the panel to a file and its table."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from jaxtyping import Int64

from modeling.folds import Fold
from modeling.networks.mlp import Perceptron
from modeling.networks.reconstruction import Reconstruction, reconstruction
from modeling.networks.scaling import EffectScaling, GeneScaling, effect_scaling, gene_scaling
from modeling.networks.shared_networks import (
    DEPENDENCY,
    EXPRESSION,
    HIDDEN,
    STAGES,
    Design,
    Keep,
    Standing,
    TrainingLines,
    forecast,
    train_networks,
    watched_lines,
)
from modeling.networks.training_state import Schedule, Trained
from modeling.seeds import seed_of
from tasks.artifacts.networks import networks_bytes
from tasks.fitting.fold import Panel
from tasks.fitting.rows import Row
from tasks.fitting.settings import ShardSettings
from tasks.tables.rows import training_row
from tasks.tables.schemas import RECONSTRUCTION, table_of

NETWORK_METHODS = tuple(STAGES)


@dataclass(frozen=True)
class FoldResult:
    """What work on a fold as a whole gave: tables by name, files by extension, and its status."""

    tables: dict[str, pa.Table]
    files: dict[str, bytes] = field(default_factory=dict)
    status: str = "ok"


@dataclass(frozen=True, eq=False)
class FoldVectors:
    """A fold's expression and effects of the variable targets, scaled by its training lines alone."""

    genes: GeneScaling
    effect: EffectScaling
    lines: TrainingLines


def vectors_of(panel: Panel, fold: Fold, seed: int) -> FoldVectors:
    """What a fold's networks learn from; `seed` draws the lines that are watched."""
    effect = panel.effect[fold.train][:, panel.variable]
    genes, scaling = gene_scaling(panel.expression[fold.train]), effect_scaling(effect)
    lines = TrainingLines(
        genes.of(panel.expression[fold.train]),
        scaling.of(effect),
        ~np.isnan(effect),
        watched_lines(len(fold.train), seed),
    )
    return FoldVectors(genes, scaling, lines)


def fold_seed(settings: ShardSettings, fold: Fold) -> int:
    """The seed of all that is drawn for a fold's networks."""
    return seed_of(settings.seed, settings.method, fold.number)


def design_of(
    settings: ShardSettings,
    fold: Fold,
    hidden: tuple[int, ...] | None = None,
    schedule: Schedule | None = None,
) -> Design:
    """How a fold's networks are trained; `hidden` where a search chose, else as the paper's did."""
    published = HIDDEN[STAGES[settings.method][-1]]
    return Design(
        settings.method,
        hidden or published,
        fold_seed(settings, fold),
        schedule or Schedule(),
        settings.device,
    )


def train_fold(
    panel: Panel,
    fold: Fold,
    settings: ShardSettings,
    design: Design,
    begun: Standing | None = None,
    keep: Keep | None = None,
) -> FoldResult:
    """Train a fold's networks on its training lines: table `networks`, and one file with all of them.

    `begun` and `keep` as in `train_networks`; a standing also holds the seconds each network took.
    """
    clock = _Clock(keep, begun)
    vectors = vectors_of(panel, fold, design.seed)
    trained = train_networks(vectors.lines, design, begun, clock.keep)
    failure = next((f"network {name}: {t.failure}" for name, t in trained.items() if t.failure), "")
    networks = {name: each.network for name, each in trained.items()}
    rows = [
        _row(panel, fold, vectors, networks, name, each, clock.seconds.get(name, 0.0))
        | {"method": settings.method}
        for name, each in trained.items()
    ]
    genes = [panel.genes[i] for i in vectors.genes.genes]
    targets = [panel.targets[i] for i in panel.variable]
    data = networks_bytes(networks, genes, targets, vectors.genes, vectors.effect, failure)
    return FoldResult(
        {"networks": table_of("networks", rows)}, {"safetensors": data}, "failed" if failure else "ok"
    )


class _Clock:
    """Notes how many core-seconds each network took, and hands every standing on with them."""

    def __init__(self, keep: Keep | None, begun: Standing | None) -> None:
        self.seconds: dict[str, float] = dict(begun.seconds) if begun is not None else {}
        self._keep = keep
        self._begun = time.thread_time()

    def keep(self, name: str, standing: Standing) -> None:
        """As `modeling.networks.shared_networks.Keep`."""
        now = time.thread_time()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._begun
        self._begun = now
        if self._keep is not None:
            self._keep(name, replace(standing, seconds=dict(self.seconds)))


def _row(
    panel: Panel,
    fold: Fold,
    vectors: FoldVectors,
    networks: Mapping[str, Perceptron],
    name: str,
    trained: Trained,
    seconds: float,
) -> Row:
    learned = int((~vectors.lines.watched).sum())
    row: Row = {"fold": fold.number} | training_row(name, trained, learned, seconds)
    if trained.failure:
        return row
    for rows, suffix in ((fold.test, ""), (fold.train, "_train")):
        if len(rows):
            scores = _given_back(panel, rows, vectors, networks, name)
            row |= {f"{score}{suffix}": getattr(scores, score) for score in RECONSTRUCTION}
    return row


def _given_back(
    panel: Panel,
    rows: Int64[np.ndarray, " lines"],
    vectors: FoldVectors,
    networks: Mapping[str, Perceptron],
    name: str,
) -> Reconstruction:
    """How well one network gives lines back: its own input, or, where it has another, their dependency."""
    genes, effect = vectors.genes, vectors.effect
    z = genes.of(panel.expression[rows])
    if name == EXPRESSION:
        back = networks[name].forward(z) * genes.scale + genes.mean
        return reconstruction(panel.expression[rows][:, genes.genes], back, genes.mean)
    measured = panel.effect[rows][:, panel.variable]
    scaled = effect.of(measured)
    back = networks[name].forward(scaled) if name == DEPENDENCY else forecast(networks, z)
    return reconstruction(measured, effect.effect(back), effect.mean, ~np.isnan(measured))
