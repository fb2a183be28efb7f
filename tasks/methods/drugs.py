"""Method `drugs`: a drug's response from its target genes, and drugs ranked for new samples."""

from collections.abc import Callable

from tasks.dataset.dataset import Dataset
from tasks.drugs.drugs import METHOD, DrugData, check_drugs, check_ranking, drug_data
from tasks.drugs.folds import drug_fold
from tasks.errors import BadInputError
from tasks.fitting.fold import FoldResult, MethodSettings
from tasks.methods.cost import TRAINING_SHARE, Cost, DataSize
from tasks.methods.method import FIT, FoldJob, Method

DRUG_SECONDS = 0.1  # one drug in a fold of a dataset of 720 lines: three kernels of its own decomposed


class DrugsMethod(Method):
    """Models of new drugs in folds over drugs, and the ranking for new lines in folds over cell lines."""

    name = METHOD
    help = "drug response from target genes, and drugs ranked for new samples"
    fits = "folds"
    folds_over = "drugs"
    schemes = ("kfold",)
    uses_gpu = True
    stores_models = True
    ranks_drugs = True
    cannot_predict = (
        "it ranks drugs, and predicts no targets: `knockcast predict --method drugs`, in Python "
        "`Store.rank_drugs`"
    )

    def check(self, dataset: Dataset, settings: MethodSettings) -> list[str]:
        """Whether drugs can be ranked at all."""
        return _problems(lambda: check_ranking(dataset))

    def notes(self, dataset: Dataset, settings: MethodSettings) -> list[str]:
        """Where the models of new drugs cannot be made, only the ranking is."""
        only = f"method {METHOD}: only the ranking for new samples is made"
        return [f"{only}: {text}" for text in _problems(lambda: check_drugs(dataset, settings.folds))]

    def load(self, dataset: Dataset) -> DrugData:
        """Responses, and the columns of each drug's target genes."""
        return drug_data(dataset)

    def work_on_fold(self, job: FoldJob) -> FoldResult:
        """The tables of a fold; of the final fold (no line tests) the file that ranks drugs for new samples.

        Drug models test the drugs of the fold of the same number, of `settings.folds` over the drugs; where
        too few drugs have known targets there are none.
        """
        settings = job.settings
        return drug_fold(job.panel, job.extra, job.fold, settings.folds, settings.seed, settings.device)

    def cost(self, size: DataSize, settings: MethodSettings) -> Cost:
        """A decomposition of its own for every drug."""
        seconds = DRUG_SECONDS * size.drugs * (size.long / TRAINING_SHARE) ** 3
        return Cost(fold_work={FIT: max(1.0, seconds)})


def _problems(check: Callable[[], None]) -> list[str]:
    try:
        check()
    except BadInputError as error:
        return list(error.problems)
    return []


METHODS: tuple[Method, ...] = (DrugsMethod(),)
