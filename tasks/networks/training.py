"""Training a fold's shared networks (methods `latent`, `plain`): from the panel to a file and its table."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int64

from modeling.folds import Fold
from modeling.networks.mlp import Perceptron
from modeling.networks.scaling import (
    EffectScaling,
    GeneScaling,
    Reconstruction,
    effect_scaling,
    gene_scaling,
    reconstruction,
)
from modeling.networks.shared_networks import (
    DEPENDENCY,
    EXPRESSION,
    HIDDEN_LAYERS,
    STAGES,
    Design,
    OnCheckpoint,
    ScaledTrainingLines,
    TrainingCheckpoint,
    predict_by_networks,
    train_networks,
    validation_lines,
)
from modeling.networks.training_state import Schedule, TrainedNetwork
from modeling.seeds import seed_of
from tasks.artifacts.files import networks_bytes
from tasks.fitting.fold import FoldResult, MethodSettings, Panel
from tasks.fitting.rows import Row
from tasks.tables.rows import training_row
from tasks.tables.schemas import RECONSTRUCTION, table_of


@dataclass(frozen=True, eq=False)
class FoldVectors:
    """A fold's expression and effects of the variable targets, scaled by its training lines alone."""

    genes: GeneScaling
    effect: EffectScaling
    lines: ScaledTrainingLines


def vectors_of(panel: Panel, fold: Fold, seed: int) -> FoldVectors:
    """What a fold's networks learn from; `seed` draws the validation lines."""
    effect = panel.effect[fold.train][:, panel.variable]
    genes, scaling = gene_scaling(panel.expression[fold.train]), effect_scaling(effect)
    lines = ScaledTrainingLines(
        genes.of(panel.expression[fold.train]),
        scaling.of(effect),
        ~np.isnan(effect),
        validation_lines(len(fold.train), seed),
    )
    return FoldVectors(genes, scaling, lines)


def fold_seed(settings: MethodSettings, fold: Fold) -> int:
    """The seed of all that is drawn for a fold's networks."""
    return seed_of(settings.seed, settings.method, fold.number)


def design_of(
    settings: MethodSettings,
    fold: Fold,
    hidden: tuple[int, ...] | None = None,
    schedule: Schedule | None = None,
) -> Design:
    """How a fold's networks are trained; `hidden` where a search chose, else as the paper's did."""
    published = HIDDEN_LAYERS[STAGES[settings.method][-1]]
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
    settings: MethodSettings,
    design: Design,
    resume_from: TrainingCheckpoint | None = None,
    on_checkpoint: OnCheckpoint | None = None,
) -> FoldResult:
    """Train a fold's networks on its training lines: table `networks`, and one file with all of them.

    `resume_from` and `on_checkpoint` as in `train_networks`; a checkpoint also holds the seconds that each
    network took.
    """
    clock = _Clock(on_checkpoint, resume_from)
    vectors = vectors_of(panel, fold, design.seed)
    trained = train_networks(vectors.lines, design, resume_from, clock.on_checkpoint)
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
    """Notes how many core-seconds each network took, and adds them to every checkpoint."""

    def __init__(self, on_checkpoint: OnCheckpoint | None, resume_from: TrainingCheckpoint | None) -> None:
        self.seconds: dict[str, float] = dict(resume_from.seconds) if resume_from is not None else {}
        self._on_checkpoint = on_checkpoint
        self._since = time.thread_time()

    def on_checkpoint(self, name: str, checkpoint: TrainingCheckpoint) -> None:
        """As `modeling.networks.shared_networks.OnCheckpoint`."""
        now = time.thread_time()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
        self._since = now
        if self._on_checkpoint is not None:
            self._on_checkpoint(name, replace(checkpoint, seconds=dict(self.seconds)))


def _row(
    panel: Panel,
    fold: Fold,
    vectors: FoldVectors,
    networks: Mapping[str, Perceptron],
    name: str,
    trained: TrainedNetwork,
    seconds: float,
) -> Row:
    learned = int((~vectors.lines.validation).sum())
    row: Row = {"fold": fold.number} | training_row(name, trained, learned, seconds)
    if trained.failure:
        return row
    for rows, suffix in ((fold.test, ""), (fold.train, "_train")):
        if len(rows):
            scores = _reconstructed(panel, rows, vectors, networks, name)
            row |= {f"{score}{suffix}": getattr(scores, score) for score in RECONSTRUCTION}
    return row


def _reconstructed(
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
    back = networks[name].forward(scaled) if name == DEPENDENCY else predict_by_networks(networks, z)
    return reconstruction(measured, effect.effect(back), effect.mean, ~np.isnan(measured))
