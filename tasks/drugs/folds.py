"""One fold of method `drugs`: the drug models, folds over drugs, and the ranking, folds over cell lines."""

import pyarrow as pa

from modeling.folds import Fold
from tasks.drugs.drugs import DrugData, drug_tables, fewest_drugs
from tasks.drugs.ranking import fit_final_ranking, ranking_tables
from tasks.fitting.fold import Panel
from tasks.networks.training import FoldResult


def drug_fold(
    panel: Panel, drugs: DrugData, fold: Fold, folds: int, seed: int, device: str = "cpu"
) -> FoldResult:
    """The tables of a fold; of the final fold (no line tests) the file that ranks drugs for new samples.

    Drug models test the drugs of the fold of the same number, of `folds` over the drugs; where too few drugs
    have known targets there are none.
    """
    if len(fold.test) == 0:
        return FoldResult({}, {"safetensors": fit_final_ranking(panel, drugs)})
    ranked = ranking_tables(panel, drugs, fold)
    if len(drugs.usable()) < fewest_drugs(folds):
        return FoldResult(ranked)
    tables = drug_tables(panel, drugs, fold.number, folds, seed, device)
    together = {name: pa.concat_tables([tables[name], table]) for name, table in ranked.items()}
    return FoldResult(tables | together)
