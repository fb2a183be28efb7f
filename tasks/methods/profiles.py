"""Method `profiles`: predictions of genes' whole dependency vectors, in folds over genes, as tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Float64, Int64

from modeling.folds import Fold, gene_folds
from modeling.networks.training_state import Schedule
from modeling.profiles.components import Canonical
from modeling.profiles.models import ProfileFits, fit_profiles
from modeling.profiles.network import SCHEDULE
from modeling.seeds import seed_of
from modeling.selection.prepared import FEWEST_LINES
from modeling.statistics.metrics import pearson
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tasks.fitting.fold import FoldResult, Panel
from tasks.fitting.settings import MethodSettings
from tasks.methods.cost import REFERENCE_LINES, Cost, DataSize
from tasks.methods.method import FIT, FoldJob, Method
from tasks.tables.rows import correlation_rows
from tasks.tables.schemas import table_of

METHOD, FEATURES = "profiles", "expression"
FEWEST_GENES = 10  # of a fold's test part: r over fewer says nothing
GENE_SECONDS, GENE_ALL_LINES = 0.0025, 0.0095  # one gene in a fold: by itself, and what 720 lines add

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Profiles:
    """The genes of a panel with own expression and a measured effect, over the same cell lines."""

    cell_lines: tuple[str, ...]
    genes: tuple[str, ...]
    expression: Float32[np.ndarray, "genes cell_lines"]
    effect: Float64[np.ndarray, "genes cell_lines"]


def check_profiles(dataset: Dataset, folds: int = 5) -> None:
    """BadInputError where a dataset does not bear method `profiles` in so many folds over genes."""
    targets = _usable(dataset.own, dataset.effect)
    problems = _problems(len(targets), len(dataset.targets), len(dataset.cell_lines), folds)
    if problems:
        raise BadInputError([f"{dataset.path}: {problem}" for problem in problems])


def profile_tables(
    panel: Panel,
    number: int,
    folds: int,
    seed: int,
    device: str = "cpu",
    schedule: Schedule = SCHEDULE,
) -> dict[str, pa.Table]:
    """Tables `profile_scores` and `components` of one fold over genes.

    On axis "cell_line" r is over the fold's test genes (its mean over lines and folds is the paper's ACC),
    on axis "gene" over the lines of one test gene. A missing effect counts nowhere; r is null of fewer than
    three values, or of measured values that are constant. Components are numbered from 1, the strongest.

    Raises BadInputError as `check_profiles`, and where there is no fold of that number.
    """
    profiles = profiles_of(panel)
    problems = _problems(len(profiles.genes), len(panel.targets), len(panel.cell_lines), folds)
    if not problems and number not in range(folds):
        problems = [f"no fold {number}: expected 0 to {folds - 1}"]
    if problems:
        raise BadInputError(problems)
    fold = gene_folds(len(profiles.genes), folds, seed)[number]
    fits = fit_fold(profiles, fold, seed, device, schedule)
    scores = [row for name in fits.models for row in _score_rows(profiles, fold, fits, name)]
    components = [_component_row(profiles, fold, fits.canonical)]
    return {
        "profile_scores": table_of("profile_scores", scores),
        "components": table_of("components", components),
    }


def profiles_of(panel: Panel) -> Profiles:
    """The genes that can train and test, in the order of the panel's targets."""
    targets = _usable(panel.own, panel.effect)
    return Profiles(
        cell_lines=panel.cell_lines,
        genes=tuple(panel.targets[i] for i in targets),
        expression=np.ascontiguousarray(panel.expression[:, panel.own[targets]].T),
        effect=np.ascontiguousarray(panel.effect[:, targets].T, dtype=np.float64),
    )


def fit_fold(
    profiles: Profiles, fold: Fold, seed: int, device: str = "cpu", schedule: Schedule = SCHEDULE
) -> ProfileFits:
    """Every model, from the training genes alone."""
    expression, effect = profiles.expression[fold.train], profiles.effect[fold.train]
    return fit_profiles(expression, effect, seed_of(seed, METHOD, fold.number), device, schedule)


def _usable(
    own: Int64[np.ndarray, " targets"], effect: Float32[np.ndarray, "cell_lines targets"]
) -> Int64[np.ndarray, " usable"]:
    """Columns of targets with own expression and at least one measured effect."""
    return np.flatnonzero((own >= 0) & ~np.isnan(effect).all(axis=0))


def _problems(n_genes: int, n_targets: int, n_lines: int, folds: int) -> list[str]:
    problems = []
    if folds < 2:
        problems.append(f"method profiles: {folds} folds over genes; expected at least 2")
    elif n_genes < FEWEST_GENES * folds:
        problems.append(
            f"method profiles: {n_genes} of {n_targets} targets have both an effect and their own "
            f"expression; {folds} folds over genes need at least {FEWEST_GENES * folds}: import the "
            "expression of more of the targets, or lower --folds"
        )
    if n_lines < FEWEST_LINES:
        problems.append(f"method profiles: {n_lines} cell lines; expected at least {FEWEST_LINES}")
    return problems


def _score_rows(profiles: Profiles, fold: Fold, fits: ProfileFits, name: str) -> Iterator[Row]:
    """A model's scores along both axes, as one block of rows each."""
    measured = profiles.effect[fold.test]
    predicted = fits.models[name].predict(profiles.expression[fold.test])
    genes = [profiles.genes[i] for i in fold.test]
    unit = {"method": METHOD, "fold": fold.number, "model": name, "features": FEATURES}
    yield correlation_rows(unit | {"axis": "cell_line"}, profiles.cell_lines, measured.T, predicted.T)
    yield correlation_rows(unit | {"axis": "gene"}, genes, measured, predicted)


def _component_row(profiles: Profiles, fold: Fold, canonical: Canonical) -> Row:
    """Canonical correlations on training genes and on those test genes whose effect has no gap."""
    whole = fold.test[~np.isnan(profiles.effect[fold.test]).any(axis=1)]
    left, right = canonical.left.of(profiles.expression[whole]), canonical.right.of(profiles.effect[whole])
    tested = [
        pearson(x, y) if len(whole) >= FEWEST_LINES else np.nan for x, y in zip(left.T, right.T, strict=True)
    ]
    return {
        "method": METHOD,
        "fold": fold.number,
        "component": np.arange(1, len(canonical) + 1),
        "pearson_train": canonical.correlations,
        "pearson": np.array(tested, dtype=np.float64),
    }


class ProfilesMethod(Method):
    """A gene's dependency across cell lines from its expression across the same lines."""

    name = METHOD
    help = "a gene's dependency profile from its expression profile, in folds over genes"
    fits = "folds"
    folds_over = "genes"
    schemes = ("kfold",)
    uses_gpu = True
    cannot_predict = "it predicts genes for known cell lines, no new samples"

    def check(self, dataset: Dataset, settings: MethodSettings) -> list[str]:
        """Whether there are enough genes for the folds over genes."""
        try:
            check_profiles(dataset, settings.folds)
        except BadInputError as error:
            return list(error.problems)
        return []

    def work_on_fold(self, job: FoldJob) -> FoldResult:
        """Every profile model of one fold."""
        settings = job.settings
        return FoldResult(
            profile_tables(job.panel, job.fold.number, settings.folds, settings.seed, settings.device)
        )

    def cost(self, size: DataSize, settings: MethodSettings) -> Cost:
        """Every gene that has an effect and its own expression."""
        gene = GENE_SECONDS + GENE_ALL_LINES * size.cell_lines / REFERENCE_LINES
        return Cost(fold_work={FIT: size.n_profiled * gene})


METHODS: tuple[Method, ...] = (ProfilesMethod(),)
