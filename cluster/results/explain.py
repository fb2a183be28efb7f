"""What a store and its Dataset say of why a target is predicted as it is, for pages and notebooks."""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cluster.answers.gene import GenePage, gene_page
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD
from cluster.views.folds import control_folds
from cluster.views.run_dataset import dataset_of
from modeling.statistics.pooling import pooled
from tasks.analyses.explanation.explain import MOST_FEATURES, Explanation, explain, from_modifiers
from tasks.analyses.explanation.fits import SCORES, TEST
from tasks.analyses.explanation.inputs import FoldModel, TargetData
from tasks.dataset.dataset import Dataset

MODIFIERS = "modifiers"
NO_DATASET = (
    "the run's Dataset is not where a run found it ({places}): what needs cell lines' expression or lineages "
    "is left out; --dataset says where it is now"
)


@dataclass(frozen=True, eq=False)
class GeneExplanation:
    """One target: `page` as `knockcast gene` has it, and `explanation` by the method of modifiers.

    `predictions`: method, cell_line, lineage, fold, measured, predicted, train_mean of every method, out of
    fold. `scores`: as `tasks.analyses.explanation.fits.SCORES`, a row per method. `errors`: method,
    lineage, cell_line, error: |measured − predicted|, `held_out` naming the lineages that were held out.
    `modifiers_of` is the method whose modifiers they are; "" without any.
    """

    page: GenePage
    explanation: Explanation
    modifiers_of: str
    predictions: pd.DataFrame
    scores: pd.DataFrame
    errors: pd.DataFrame
    held_out: tuple[str, ...]
    notes: tuple[str, ...]
    dataset_hash: str = ""

    @property
    def target(self) -> str:
        """The gene."""
        return self.page.target


def explain_gene(
    reader: StoreReader, target: str, place: str | None = None, page: GenePage | None = None
) -> GeneExplanation:
    """The explanation of one target; `place`: where the Dataset lies, if not where a run found it.

    `page` is the target's, where the caller has it.
    Raises BadInputError, naming close ones, where the store has no such target.
    """
    page = page or gene_page(reader, target)
    dataset = dataset_of(reader, place)
    notes = [] if dataset else [NO_DATASET.format(places=", ".join(reader.datasets()) or "none is recorded")]
    predictions = _predictions(reader, page, dataset)
    method, modifiers = _modifiers(reader, target)
    folds = _counted(reader)
    made = from_modifiers(target, str(reader.run.get("measure", "")), modifiers, folds)
    if dataset is not None and target in dataset.targets:
        made = explain(_data(reader, dataset, page, method, modifiers, predictions), modifiers, folds)
    errors, held_out = _errors(reader, predictions)
    scores = _scores(predictions)
    return GeneExplanation(
        page,
        made,
        method,
        predictions,
        scores,
        errors,
        held_out,
        (*notes, *made.notes, *page.notes),
        str(reader.run.get("dataset_hash", "")),
    )


def _counted(reader: StoreReader) -> list[int]:
    """The folds that test lines and count."""
    aside = control_folds(reader.run)
    return sorted(
        f["number"] for f in reader.run.get("folds", ()) if f["n_test"] > 0 and f["number"] not in aside
    )


def _modifiers(reader: StoreReader, target: str) -> tuple[str, pd.DataFrame]:
    """The method whose modifiers are explained, and its rows: `modifiers`, or the one with most."""
    rows = reader.table("modifiers", targets=(target,)).to_pandas()
    rows = rows[rows["fold"].isin(_counted(reader))]
    methods = rows["method"].value_counts()
    if methods.empty:
        return "", rows
    method = (
        MODIFIERS if MODIFIERS in methods.index else sorted(methods.index, key=lambda m: (-methods[m], m))[0]
    )
    return method, rows[rows["method"] == method].reset_index(drop=True)


def _predictions(reader: StoreReader, page: GenePage, dataset: Dataset | None) -> pd.DataFrame:
    wanted = ["method", "cell_line", "fold", "measured", "predicted"]
    rows = reader.table("predictions", wanted, targets=(page.target,)).to_pandas()
    means = page.scores[["method", "fold", "train_mean"]]
    rows = rows[rows["fold"] != FINAL_FOLD].merge(means, on=["method", "fold"], how="left")
    lineages = dict(zip(dataset.cell_lines, dataset.lineages, strict=True)) if dataset else {}
    rows.insert(2, "lineage", [lineages.get(line, "") for line in rows["cell_line"]])
    return rows


def _scores(predictions: pd.DataFrame) -> pd.DataFrame:
    """Of every method, out of fold: the pooled r of `genes`, its interval and RMSE."""
    rows = []
    for method, part in predictions.groupby("method", sort=True):
        measured, predicted, mean = (
            part[c].to_numpy(np.float64) for c in ("measured", "predicted", "train_mean")
        )
        score = pooled(measured, predicted, mean)
        error = float(np.sqrt(np.nanmean((measured - predicted) ** 2)))
        rows.append([method, TEST, score.n, score.r, score.low, score.high, error])
    return pd.DataFrame(rows, columns=SCORES)


def _errors(reader: StoreReader, predictions: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Absolute errors by lineage; of a run that held lineages out, by the lineage that was."""
    held = {}
    if reader.run.get("scheme") == "lineage":
        counted = set(_counted(reader))
        held = {fold["number"]: fold["name"] for fold in reader.run["folds"] if fold["number"] in counted}
        predictions = predictions[predictions["fold"].isin(counted)]
    lineage = predictions["fold"].map(held) if held else predictions["lineage"]
    table = predictions[["method", "cell_line"]].assign(
        lineage=lineage, error=(predictions["measured"] - predictions["predicted"]).abs()
    )
    return table.dropna(subset="error")[["method", "lineage", "cell_line", "error"]], tuple(held.values())


def _data(
    reader: StoreReader,
    dataset: Dataset,
    page: GenePage,
    method: str,
    modifiers: pd.DataFrame,
    predictions: pd.DataFrame,
) -> TargetData:
    """What the explanation is made from: the lines and genes needed, out of the Dataset."""
    mine = page.modifiers[page.modifiers["method"] == method]
    often = mine[(mine["folds"] * 2 >= len(_counted(reader))) | mine["final"]]
    features = tuple((often if len(often) else mine)["modifier"].head(MOST_FEATURES))
    needed = sorted({*modifiers["modifier"], *features} & set(dataset.genes))
    place = {name: at for at, name in enumerate(dataset.genes)}
    return TargetData(
        target=page.target,
        measure=dataset.measure,
        cell_lines=tuple(dataset.cell_lines),
        lineages=tuple(dataset.lineages),
        effect=np.asarray(dataset.effect[:, dataset.targets.index(page.target)], dtype=np.float64),
        genes=tuple(needed),
        expression=np.asarray(dataset.expression[:, [place[name] for name in needed]], dtype=np.float64),
        features=features,
        folds=_folds(page, method, modifiers, predictions, dataset),
        seed=int(reader.run.get("seed", 0)),
    )


def _parameters(text: object) -> dict[str, float | int | str]:
    """A candidate's parameters; of one that stored none, none."""
    return dict(json.loads(text)) if isinstance(text, str) and text else {}


def _folds(
    page: GenePage, method: str, modifiers: pd.DataFrame, predictions: pd.DataFrame, dataset: Dataset
) -> tuple[FoldModel, ...]:
    number = {line: at for at, line in enumerate(dataset.cell_lines)}
    chosen = page.candidates[(page.candidates["method"] == method) & page.candidates["chosen"]]
    parameters = {
        (row["fold"], row["candidate"]): _parameters(row["parameters"]) for row in chosen.to_dict("records")
    }
    folds = []
    for score in page.scores[page.scores["method"] == method].to_dict("records"):
        fold, model = int(score["fold"]), score["model"]
        tested = predictions[(predictions["method"] == method) & (predictions["fold"] == fold)]
        if tested.empty:
            continue
        names = tuple(modifiers[modifiers["fold"] == fold].sort_values("rank")["modifier"])
        folds.append(
            FoldModel(
                fold=fold,
                test=np.array(sorted(number[line] for line in tested["cell_line"]), dtype=np.int64),
                modifiers=names,
                model=model if isinstance(model, str) and names else None,
                parameters=parameters.get((fold, model)),
            )
        )
    return tuple(folds)
