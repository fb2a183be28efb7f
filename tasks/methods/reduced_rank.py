"""Method `reduced_rank`: multitask reduced-rank ridge regression on all genes.

A fold's components, penalty and rank are learned once, from all variable targets of the dataset, and
committed; every target then gets loadings of its own. For the components a missing effect counts as its
target's mean over the training lines; loadings are fitted on the lines measured alone.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float64
from safetensors.numpy import save

from modeling.candidates.choice import Trial
from modeling.candidates.fitted import FitStatus
from modeling.folds import Fold, make_folds
from modeling.kernels.distances import Scaling, scaling_of, standardised
from modeling.kernels.kernels import Linear
from modeling.kernels.reduced_rank import (
    PENALTIES,
    Chosen,
    Components,
    Loadings,
    choose_penalty_and_rank,
    fit_loadings,
    shared_components,
)
from modeling.kernels.ridge import spectrum_of, tiled_product
from modeling.seeds import seed_of
from tasks.artifacts.components import components_bytes, components_of
from tasks.artifacts.files import training_sha256
from tasks.fitting.finished import finished, says_what_is_finished
from tasks.fitting.fit import BlockFit, fit_by_pattern, without_model
from tasks.fitting.fold import FoldResult, MethodSettings, Panel, varying_targets
from tasks.fitting.modifiers import TargetFit
from tasks.methods.cost import ROW_SECONDS, WORKER_BYTES, Cost, DataSize
from tasks.methods.method import FIT, TARGETS, CommittedWork, FoldJob, FoldTask, Method
from tasks.scoring.all_genes import predict_by_kernels
from tasks.scoring.model_rows import BASIC_CHECKSUM, ModelFiles, Predictions, Row, Rows, as_json
from tasks.tables.schemas import table_of

NAME = "reduced_rank"
INNER_FOLDS = 5
SHOWN_RANKS = (1, 2, 5, 10, 20, 50, 100, 200, 500)  # rows of `fold_choices`, beside the best of each penalty


@dataclass(frozen=True)
class PreparedReducedRank:
    """A fold's components, and the scores of its test lines on them.

    In the final fold `training` is the sha256 of the file that its models predict from, and "" in the
    others. `seconds` are each target's share of what the components took (`tasks.fitting.fold.share_of`).
    """

    fold: Fold
    components: Components
    new: Float64[np.ndarray, "test rank"]
    training: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, eq=False, kw_only=True)
class ReducedRankFit(BlockFit):
    """One target's fit: a new line gets `intercept` + its linear kernel with the training lines @ `dual`."""

    intercept: float
    dual: Float64[np.ndarray, " train"]


def learn_components(panel: Panel, fold: Fold, settings: MethodSettings) -> tuple[Components, Chosen]:
    """A fold's components from its training lines alone; inner folds among them choose penalty and rank."""
    scaling = scaling_of(panel.expression[fold.train])
    kernel = _kernel(panel.expression[fold.train], None, scaling)
    effects = shared_effects(panel, fold)
    inner = make_folds(
        "kfold",
        len(fold.train),
        min(INNER_FOLDS, len(fold.train)),
        seed_of(settings.seed, NAME, fold.number, "inner folds"),
    )
    chosen = choose_penalty_and_rank(kernel, effects, inner)
    return shared_components(spectrum_of(kernel), effects, chosen.penalty, chosen.rank), chosen


def shared_effects(panel: Panel, fold: Fold) -> Float64[np.ndarray, "train targets"]:
    """Effects on the training lines of the targets that components are learned from.

    Those are the dataset's targets that vary over the training lines (all, if none does) and can have a model
    here, whatever a run asks for. A missing effect is the mean of its target.
    """
    varying = varying_targets(panel, fold)
    columns = varying if len(varying) else np.arange(len(panel.targets))
    effects = panel.effect[:, columns].astype(np.float64)
    train = effects[fold.train]
    useful = [
        without_model(y, fold.train) is None and not np.isinf(mine).any()
        for y, mine in zip(effects.T, train.T, strict=True)
    ]
    train = train[:, np.array(useful, dtype=bool)]
    return np.where(np.isnan(train), np.nanmean(train, axis=0), train) if train.size else train


def _kernel(
    left: np.ndarray, right: np.ndarray | None, scaling: Scaling
) -> Float64[np.ndarray, "left right"]:
    """The linear kernel of lines, standardised by the training lines' statistics."""
    kernel, counted = Linear(), int(scaling.varies.sum())
    others = None if right is None else standardised(right, scaling)
    return kernel.of(kernel.between(standardised(left, scaling), others, counted))


def _fit_group(
    prepared: PreparedReducedRank,
    targets: list[int],
    effect: Float64[np.ndarray, "lines targets"],
    present: Bool[np.ndarray, " train"],
) -> list[ReducedRankFit]:
    """Targets that are measured on the same training lines."""
    begun = time.thread_time()
    components = prepared.components
    with np.errstate(invalid="ignore", over="ignore"):  # an infinite effect is reported below
        loadings = fit_loadings(components, effect, present)
        predictions = loadings.predict(prepared.new)
        dual = tiled_product(components.dual, loadings.weights)
        intercept = _intercepts(components, loadings, dual)
    seconds = prepared.seconds + (time.thread_time() - begun) / len(targets)
    rows = prepared.fold.train[present]
    parameters = {"penalty": components.penalty, "rank": components.rank}
    fits = []
    for i, target in enumerate(targets):
        finite = bool(np.isfinite(predictions[:, i]).all() and np.isfinite(dual[:, i]).all())
        reason = "" if finite else "the fit is not finite: is an effect infinite?"
        status: FitStatus = "ok" if finite else "failed"
        fits.append(
            ReducedRankFit(
                target=target,
                train=rows,
                train_mean=float(loadings.mean[i]),
                method=NAME,
                test=prepared.fold.test,
                predictions=predictions[:, i],
                seconds=seconds,
                status=status,
                reason=reason or None,
                trials=(Trial(NAME, parameters, float("nan"), finite, seconds, status, reason),),
                intercept=float(intercept[i]),
                dual=dual[:, i],
            )
        )
    finished(fits)
    return fits


def _intercepts(
    components: Components, loadings: Loadings, dual: Float64[np.ndarray, "train targets"]
) -> Float64[np.ndarray, " targets"]:
    """Sums over rows, not products: in BLAS a column's place may decide the order of its sum."""
    shift = (loadings.centre[:, None] * loadings.weights).sum(axis=0)
    return loadings.mean - shift - (components.means[:, None] * dual).sum(axis=0)


def _choice_rows(chosen: Chosen, fold: Fold, seconds: float) -> Iterable[Row]:
    """Of each penalty some ranks, its best one among them."""
    for penalty, errors in zip(PENALTIES, chosen.errors, strict=True):
        for rank in sorted({*SHOWN_RANKS, int(errors.argmin()) + 1, chosen.rank} - {0}):
            if rank <= len(errors):
                yield {
                    "method": NAME,
                    "fold": fold.number,
                    "choice": "penalty and rank",
                    "parameters": as_json({"penalty": float(penalty), "rank": rank}),
                    "error": float(errors[rank - 1]),
                    "chosen": (float(penalty), rank) == (chosen.penalty, chosen.rank),
                    "seconds": seconds,
                }


class ReducedRank(Method):
    """All targets predicted from a few components of expression that they share."""

    name = NAME
    help = "multitask reduced-rank ridge regression on all genes"
    stores_models = True
    needs_training_expression = True
    predicts_from = "all genes"
    unknown_genes = "from those they know"
    checksum_fields = (*BASIC_CHECKSUM, "method", "parameters")

    def fold_tasks(self, folds: Sequence[int], settings: MethodSettings) -> list[FoldTask]:
        """The components of each."""
        return [FoldTask(FIT, fold) for fold in folds]

    def dependencies(self, task: FoldTask, settings: MethodSettings) -> tuple[FoldTask, ...]:
        """Targets read their fold's components."""
        return (FoldTask(FIT, task.fold),) if task.work == TARGETS else ()

    def work_on_fold(self, job: FoldJob) -> FoldResult:
        """Learn the components: one file, and what was tried as `fold_choices`."""
        begun = time.thread_time()
        components, chosen = learn_components(job.panel, job.fold, job.settings)
        rows = list(_choice_rows(chosen, job.fold, time.thread_time() - begun))
        tables = {"fold_choices": table_of("fold_choices", rows)}
        return FoldResult(tables, {"safetensors": components_bytes(components)})

    def prepare(
        self, panel: Panel, fold: Fold, settings: MethodSettings, committed: Sequence[CommittedWork]
    ) -> PreparedReducedRank:
        """The test lines' scores on the components."""
        (work,) = committed
        components = components_of(work.file())
        new = np.zeros((0, components.rank))
        if len(fold.test):
            scaling = scaling_of(panel.expression[fold.train])
            kernel = _kernel(panel.expression[fold.test], panel.expression[fold.train], scaling)
            new = tiled_product(kernel - components.means, components.dual)
        final = not len(fold.test)
        training = training_sha256(panel.cell_lines, panel.genes, panel.expression) if final else ""
        seconds = float(work.rows("fold_choices").column("seconds")[0].as_py())
        return PreparedReducedRank(fold, components, new, training, seconds)

    @says_what_is_finished
    def fit(
        self, panel: Panel, prepared: PreparedReducedRank, targets: Sequence[int], settings: MethodSettings
    ) -> list[ReducedRankFit | TargetFit]:
        """Loadings of every target on the components, and their predictions."""
        return fit_by_pattern(panel, prepared.fold.train, targets, TargetFit, partial(_fit_group, prepared))

    def final_model(self, panel: Panel, prepared: PreparedReducedRank, fit: ReducedRankFit) -> Row:
        """Dual coefficients of all cell lines; `training` names the file of their expression."""
        parameters = dict(fit.trials[0].parameters) | {"training": prepared.training}
        return {
            "parameters": as_json(parameters),
            "intercept": fit.intercept,
            "weights": save({"dual": np.ascontiguousarray(fit.dual)}),
        }

    def predict(
        self, rows: Rows, place: Mapping[str, int], expression: np.ndarray, files: ModelFiles
    ) -> Predictions:
        """By comparing each sample with every training line."""
        return predict_by_kernels(rows, place, expression, files, Linear)

    def cost(self, size: DataSize, settings: MethodSettings) -> Cost:
        """A decomposition for each penalty and inner fold; targets enter through lines x lines products."""
        high, lines = size.n_variable / 4000, size.cell_lines
        learned = 4.0 * size.long**3 + 0.6 * size.wide * size.long**2 + 0.7 * high * size.long**2
        return Cost(
            target=ROW_SECONDS + 0.0001 * size.long,
            preparation=0.3 * size.wide * size.long**2,
            fold_work={FIT: learned},
            fold_bytes=8 * 3 * lines**2,
            worker_bytes=WORKER_BYTES + 8 * (6 * lines**2 + 3 * lines * size.n_variable + size.genes * lines),
        )


METHODS: tuple[Method, ...] = (ReducedRank(),)
