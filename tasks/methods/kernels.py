"""Methods `ridge` and `kernel` for a block of targets in one fold: kernel ridge regression on all genes.

Per fold, from its training lines: expression standardised, every pair of lines compared, for `kernel` c and p
chosen, and the kernel decomposed. Targets that miss some lines use those rows and columns of the same kernel,
centred, scaled and decomposed again for each pattern of missing lines.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float64
from safetensors.numpy import save

from modeling.candidates.choice import Trial
from modeling.candidates.fitted import FitStatus
from modeling.folds import Fold
from modeling.kernels.distances import scaling_of, standardised
from modeling.kernels.kernels import AnyKernel, Laplacian, Linear, choose_laplacian
from modeling.kernels.ridge import RidgeFits, Spectrum, fit_ridge, spectrum_of
from tasks.artifacts.files import training_sha256
from tasks.dataset.target_facts import VARIABLE_SD
from tasks.fitting.finished import finished, says_what_is_finished
from tasks.fitting.fit import BlockFit, fit_by_pattern
from tasks.fitting.fold import MethodSettings, Panel
from tasks.fitting.modifiers import TargetFit
from tasks.methods.cost import ROW_SECONDS, WORKER_BYTES, Cost, DataSize
from tasks.methods.method import CommittedWork, Method
from tasks.scoring.all_genes import predict_by_kernels
from tasks.scoring.model_rows import BASIC_CHECKSUM, ModelFiles, Predictions, Row, Rows, as_json

NOT_FINITE = "the fit is not finite: is an effect infinite?"
TARGET_SECONDS = 0.0003  # every penalty, and the predictions


@dataclass(frozen=True)
class PreparedKernel:
    """One fold as `ridge` or `kernel` needs it.

    `within` compares the training lines with each other and `new` the test lines with them, as `kernel.of`
    takes it; `spectrum` is of all training lines. In the final fold `training` is the sha256 of the file
    its models predict from (`artifacts.training_expression`), and "" in the others. `seconds` are each
    target's share of the distances, the kernel and its eigenvectors (`tasks.fitting.fold.share_of`).
    """

    fold: Fold
    kernel: AnyKernel
    within: Float64[np.ndarray, "train train"]
    new: Float64[np.ndarray, "test train"]
    spectrum: Spectrum
    training: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, eq=False, kw_only=True)
class KernelFit(BlockFit):
    """One target's fit: a new line gets `intercept` + its kernel with the lines of `train` @ `dual`."""

    intercept: float
    dual: Float64[np.ndarray, " lines"]


def prepare_kernel(panel: Panel, fold: Fold, settings: MethodSettings) -> PreparedKernel:
    """Prepare a fold for method `ridge` or `kernel` from its training lines alone."""
    scaling = scaling_of(panel.expression[fold.train])
    train = standardised(panel.expression[fold.train], scaling)
    test = standardised(panel.expression[fold.test], scaling)
    counted = int(scaling.varies.sum())
    kernel: AnyKernel = Linear() if settings.method == Linear.name else Laplacian()
    within, new = kernel.between(train, None, counted), kernel.between(test, train, counted)
    if isinstance(kernel, Laplacian):
        kernel = choose_laplacian(within, _choosing_effects(panel, fold))
    final = not len(fold.test)
    training = training_sha256(panel.cell_lines, panel.genes, panel.expression) if final else ""
    return PreparedKernel(fold, kernel, within, new, spectrum_of(kernel.of(within)), training)


def _choosing_effects(panel: Panel, fold: Fold) -> Float64[np.ndarray, "train targets"]:
    """The targets that choose c and p: all of the dataset that are measured on every training line and vary.

    Not those of the run or the shard: a fold must have one kernel, whatever is asked of it and when.
    """
    effect = panel.effect[fold.train].astype(np.float64)
    whole = np.isfinite(effect).all(axis=0)
    return effect[:, whole][:, effect[:, whole].std(axis=0) > VARIABLE_SD]


def fit_kernel_targets(
    panel: Panel, prepared: PreparedKernel, targets: Sequence[int], settings: MethodSettings
) -> list[KernelFit | TargetFit]:
    """Fit every target of a block on the fold's training lines; the order of `targets` is kept.

    A target's result does not depend on which others are in the block.
    """
    del settings  # nothing is drawn, selected or chosen by the run's options
    return fit_by_pattern(panel, prepared.fold.train, targets, TargetFit, partial(_fit_group, prepared))


def _fit_group(
    prepared: PreparedKernel,
    targets: list[int],
    effect: Float64[np.ndarray, "lines targets"],
    present: Bool[np.ndarray, " train"],
) -> list[KernelFit]:
    """Targets that are measured on the same training lines: one decomposition."""
    begun = time.thread_time()
    kernel, rows = prepared.kernel, prepared.fold.train[present]
    spectrum = prepared.spectrum
    if not present.all():
        spectrum = spectrum_of(kernel.of(prepared.within[np.ix_(present, present)]))
    with np.errstate(
        invalid="ignore", over="ignore"
    ):  # an infinite effect is reported below, as a failed fit
        fits = fit_ridge(spectrum, effect, kernel.penalties)
        predictions = fits.predict(kernel.of(np.ascontiguousarray(prepared.new[:, present])))
        # By targets from here on: what belongs to one lies far apart where matrices are stored by lines.
        by_target, dual, predicted = (np.ascontiguousarray(m.T) for m in (effect, fits.dual, predictions))
        means = by_target.mean(axis=1).tolist()
    finite = (np.isfinite(dual).all(axis=1) & np.isfinite(predicted).all(axis=1)).tolist()
    seconds, parameters = prepared.seconds + (time.thread_time() - begun) / len(targets), kernel.parameters()
    found = [
        KernelFit(
            target=target,
            train=rows,
            train_mean=means[i],
            method=kernel.name,
            test=prepared.fold.test,
            predictions=predicted[i],
            seconds=seconds,
            status="ok" if finite[i] else "failed",
            reason=None if finite[i] else NOT_FINITE,
            trials=(_trial(kernel.name, parameters, fits, i, finite[i], seconds),),
            intercept=float(fits.intercept[i]),
            dual=dual[i],
        )
        for i, target in enumerate(targets)
    ]
    finished(found)
    return found


def _trial(
    name: str, parameters: dict[str, float], fits: RidgeFits, column: int, finite: bool, seconds: float
) -> Trial:
    """One column of a group's fits; `parameters` are the kernel's."""
    parameters = parameters | {"penalty": float(fits.penalty[column])}
    error = float(fits.loo_rmse[column]) if finite else float("nan")
    status: FitStatus = "ok" if finite else "failed"
    return Trial(name, parameters, error, finite, seconds, status, "" if finite else NOT_FINITE)


class _OnAllGenes(Method):
    """Kernel ridge regression on all genes, the penalty of each target chosen by exact leave-one-out."""

    stores_models = True
    needs_training_expression = True
    predicts_from = "all genes"
    unknown_genes = "from those they know"
    checksum_fields = (*BASIC_CHECKSUM, "method", "parameters")

    cubed = 0.0  # core-seconds of preparing a fold that grow with lines cubed
    squared = 0.0  # and with genes x lines squared

    def prepare(
        self, panel: Panel, fold: Fold, settings: MethodSettings, committed: Sequence[CommittedWork]
    ) -> PreparedKernel:
        """The kernel of the training lines and its eigenvectors."""
        return prepare_kernel(panel, fold, settings)

    @says_what_is_finished
    def fit(
        self, panel: Panel, prepared: PreparedKernel, targets: Sequence[int], settings: MethodSettings
    ) -> list[KernelFit | TargetFit]:
        """Every penalty in closed form, and the best one's predictions."""
        return fit_kernel_targets(panel, prepared, targets, settings)

    def final_model(self, panel: Panel, prepared: PreparedKernel, fit: KernelFit) -> Row:
        """Dual coefficients of all cell lines (0 where no effect was measured), and their expression.

        That is `training` among the parameters: the sha256 of the file that all targets share.
        """
        dual = np.zeros(len(panel.cell_lines))
        dual[fit.train] = fit.dual
        parameters = dict(fit.trials[0].parameters) | {"training": prepared.training}
        return {
            "parameters": as_json(parameters),
            "intercept": fit.intercept,
            "weights": save({"dual": dual}),
        }

    def predict(
        self, rows: Rows, place: Mapping[str, int], expression: np.ndarray, files: ModelFiles
    ) -> Predictions:
        """By comparing each sample with every training line."""
        return predict_by_kernels(rows, place, expression, files)

    def cost(self, size: DataSize, settings: MethodSettings) -> Cost:
        """One decomposition a fold; per target a few products.

        A fold holds the kernel of all lines with the training lines, and its eigenvectors; while they are
        made, standardised expression in two orders (float32). A worker holds those of a pattern of missing
        lines.
        """
        lines = size.cell_lines
        return Cost(
            target=ROW_SECONDS + TARGET_SECONDS * size.long**2,
            preparation=self.cubed * size.long**3 + self.squared * size.wide * size.long**2,
            fold_bytes=8 * (2 * lines**2 + size.genes * lines),
            worker_bytes=WORKER_BYTES + 8 * 4 * lines**2,
        )


class RidgeMethod(_OnAllGenes):
    """A linear kernel of the standardised expression."""

    name = Linear.name
    help = "linear kernel ridge regression on all genes"
    cubed, squared = 0.06, 0.6


class LaplacianMethod(_OnAllGenes):
    """A Laplacian kernel, its two parameters chosen once a fold."""

    name = Laplacian.name
    help = "Laplacian kernel ridge regression on all genes"
    cubed, squared = 3.5, 2.5


METHODS: tuple[Method, ...] = (RidgeMethod(), LaplacianMethod())
