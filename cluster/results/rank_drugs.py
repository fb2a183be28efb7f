"""`knockcast predict --method drugs`: which drugs suit new samples, given their expression."""

from pathlib import Path

import pandas as pd

from cluster.results.prediction_files import doubts_about, samples_of, write
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD, fold_level_unit
from tasks.artifacts.files import ranking_of
from tasks.drugs.drugs import METHOD
from tasks.drugs.ranking import DEFAULT_FEATURES, MODEL, rank_drugs
from tasks.errors import BadInputError
from tasks.scoring.samples import checked_samples


def rank_samples(
    reader: StoreReader, expression: pd.DataFrame, higher_is_sensitive: bool = False
) -> pd.DataFrame:
    """Every drug ranked for each sample; see `tasks.drugs.ranking.rank_drugs`.

    `pearson` is each drug's r over held-out cell lines, mean over the folds. Raises BadInputError where the
    store holds no final drug model, for samples that `samples.checked_samples` refuses, and where no
    sample knows enough genes.
    """
    samples = checked_samples(expression)
    key = reader.committed_units().get(fold_level_unit(METHOD, FINAL_FOLD))
    if key is None:
        raise BadInputError(
            f"{reader.fs.name}: no final model of method drugs; `knockcast run` with --method drugs, and not "
            "--no-final, stores one"
        )
    (file,) = reader.commit(key).other_files
    ranking = ranking_of(reader.verified(file))
    known = out_of_fold(reader)
    return rank_drugs(ranking, samples, DEFAULT_FEATURES, not higher_is_sensitive, known)


def out_of_fold(reader: StoreReader) -> dict[str, float]:
    """Each drug's r between measured and predicted response of held-out lines, mean over the folds."""
    rows = reader.table("profile_scores").to_pandas()
    mine = rows[(rows["method"] == METHOD) & (rows["model"] == MODEL) & (rows["axis"] == "drug")]
    mine = mine[mine["features"] == DEFAULT_FEATURES]
    return {str(name): float(r) for name, r in mine.groupby("name")["pearson"].mean().items()}


def rank_file(store: str, expression: Path, out: Path, higher_is_sensitive: bool = False) -> str:
    """Rank the drugs for a file of samples, and write one row per sample and drug; returns what was done.

    Raises BadInputError for input that cannot be used, before anything is written.
    """
    frame = samples_of(expression, (out,))
    table = rank_samples(StoreReader.open(store), frame, higher_is_sensitive)
    write(out, table)
    ranked = table["rank"].notna().groupby(table["sample"]).any()
    lines = [f"{out}: {len(frame)} samples x {table['drug'].nunique()} drugs, the most sensitive first"]
    if poor := [str(name) for name, any_rank in ranked.items() if not any_rank]:
        lines.append(f"{len(poor)} samples know under 90% of the genes, no ranks: {', '.join(poor[:20])}")
    return "\n".join(lines + doubts_about(expression, frame))
