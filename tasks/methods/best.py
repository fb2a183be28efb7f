"""Method `best`: kernel ridge regression that borrows between targets, and a gate for a few private genes.

Per fold, from its training lines: lines compared in log2 units, a Laplacian kernel chosen, what all variable
targets teach together (fold-level work, committed once and read by every shard). Per target: three
predictions, mixed by inner folds; a few genes on what is left, where inner folds say that they help; clipped
to the range of the training effects.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from safetensors.numpy import save

from modeling.folds import Fold
from tasks.borrowing.fitting import BestFit, fit_best_targets
from tasks.borrowing.learning import learn_fold
from tasks.borrowing.preparing import PreparedBest, prepare_best
from tasks.dataset.dataset import Dataset
from tasks.fitting.finished import says_what_is_finished
from tasks.fitting.fold import FoldResult, MethodSettings, Panel
from tasks.fitting.modifiers import TargetFit
from tasks.methods.cost import ROW_SECONDS, WORKER_BYTES, Cost, DataSize
from tasks.methods.method import FIT, TARGETS, CommittedWork, FoldJob, FoldTask, Method
from tasks.scoring.borrowed import predict_by_best
from tasks.scoring.model_rows import BASIC_CHECKSUM, ModelFiles, Predictions, Row, Rows, as_json

# Measured (docs/benchmarks.md) at 60 to 1000 lines and 400 to 18 000 genes, at the reference size. A target:
# what costs the same at any size; products of stages, by lines squared; the gate's inner folds, by lines; its
# ranking of genes, whose products are by lines.
TARGET_SECONDS, STAGES_SECONDS, GATE_SECONDS = 0.0002, 0.0005, 0.0024
ORDERING_SECONDS, RANKING_SECONDS = 0.0006, 0.0010
DISTANCE_SECONDS = 1.5  # over all genes
START_SECONDS, CHOICE_SECONDS = 0.02, 6.0  # of 12 kernels, decomposed; of few lines most is not products
VIEW_SECONDS = 0.53  # 4 views decomposed
TEACHING_SECONDS = 0.0015  # what each variable target adds to fold-level work


class Best(Method):
    """The most accurate method here, and the genes and targets that carry each prediction."""

    name = "best"
    help = "a kernel on all genes that borrows between targets, and a few modifiers where they help"
    reads = frozenset({"inputs"})
    uses_gpu = True
    stores_models = True
    needs_training_expression = True
    predicts_from = "all genes"
    unknown_genes = "from those they know"
    checksum_fields = (*BASIC_CHECKSUM, "method", "parameters")

    def fold_tasks(self, folds: Sequence[int], settings: MethodSettings) -> list[FoldTask]:
        """What a fold's targets share."""
        return [FoldTask(FIT, fold) for fold in folds]

    def dependencies(self, task: FoldTask, settings: MethodSettings) -> tuple[FoldTask, ...]:
        """Every shard of a fold reads what the fold's targets share."""
        return (FoldTask(FIT, task.fold),) if task.work == TARGETS else ()

    def work_on_fold(self, job: FoldJob) -> FoldResult:
        """Learn what a fold's targets share."""
        return learn_fold(job.panel, job.fold, job.settings)

    def notes(self, dataset: Dataset, settings: MethodSettings) -> list[str]:
        """Samples bring expression alone."""
        if settings.inputs == "expression":
            return []
        return ["--inputs all: final models of best are of expression alone, which is what new samples bring"]

    def prepare(
        self, panel: Panel, fold: Fold, settings: MethodSettings, committed: Sequence[CommittedWork]
    ) -> PreparedBest:
        """Lines compared and kernels decomposed."""
        (shared,) = committed
        seconds = float(sum(shared.rows("borrowing").column("seconds").to_pylist()))
        return prepare_best(panel, fold, settings, shared.file(), seconds)

    @says_what_is_finished
    def fit(
        self, panel: Panel, prepared: PreparedBest, targets: Sequence[int], settings: MethodSettings
    ) -> list[BestFit | TargetFit]:
        """Stages, mix and gate."""
        return fit_best_targets(panel, prepared, targets, settings)

    def final_model(self, panel: Panel, prepared: PreparedBest, fit: BestFit) -> Row:
        """Dual coefficients of all cell lines, the gate's genes, and the range of the training effects."""
        dual = np.zeros(len(panel.cell_lines))
        dual[prepared.fold.train] = fit.dual
        parameters = prepared.kernel.parameters() | {"training": prepared.training}
        parameters |= {"low": fit.low, "high": fit.high}
        genes = [] if fit.modifiers is None else fit.modifiers.genes.tolist()
        weights = {"dual": dual, "gate": fit.weights, "centre": fit.centre}
        return {
            "modifiers": [panel.genes[g] for g in genes],
            "parameters": as_json(parameters),
            "intercept": fit.intercept,
            "weights": save(weights),
        }

    def predict(
        self, rows: Rows, place: Mapping[str, int], expression: np.ndarray, files: ModelFiles
    ) -> Predictions:
        """By comparing each sample with every training line, then the gates."""
        return predict_by_best(rows, place, expression, files)

    def cost(self, size: DataSize, settings: MethodSettings) -> Cost:
        """Four fits of three stages for each target, and a product with all genes for its gate.

        A fold holds four views of its lines (two kernels, their eigenvectors and what is shared), and the
        genes standardised. A worker needs most for fold-level work: several tables lines x variable targets.
        """
        lines, long = size.cell_lines, size.long
        distances = DISTANCE_SECONDS * size.wide * long**2
        teaching = TEACHING_SECONDS * size.n_variable * long**2
        return Cost(
            target=ROW_SECONDS
            + TARGET_SECONDS
            + STAGES_SECONDS * long**2
            + GATE_SECONDS * long
            + size.wide * (ORDERING_SECONDS + RANKING_SECONDS * long),
            preparation=distances + VIEW_SECONDS * long**2,
            fold_work={FIT: START_SECONDS + distances + CHOICE_SECONDS * long**2 + teaching},
            fold_bytes=8 * 16 * lines**2 + 4 * size.genes * lines,
            worker_bytes=WORKER_BYTES
            + 8 * lines * (40 * lines + 6 * size.n_variable)
            + 12 * size.genes * lines,
        )


METHODS: tuple[Method, ...] = (Best(),)
