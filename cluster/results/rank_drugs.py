"""`knockcast predict --method drugs`: which drugs suit new samples, given their expression."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cluster.results.prediction_files import check_outs, write
from cluster.results.prediction_words import flagged_in_words
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD, fold_level_unit
from tasks.artifacts.files import DrugRanking, ranking_of
from tasks.drugs.drugs import METHOD
from tasks.drugs.ranking import DEFAULT_FEATURES, MODEL, rank_drugs
from tasks.errors import BadInputError, Problems
from tasks.samples.fit import Reference, fit_table, with_known_share
from tasks.samples.gene_ids import index_of
from tasks.samples.gene_map import GeneMap, read_gene_map
from tasks.samples.prepare import Reading, Samples, check_reading, prepare
from tasks.samples.table import Table, read_table, table_of_frame
from tasks.scoring.predict import count_known
from tasks.scoring.samples import checked_samples


def rank_samples(
    reader: StoreReader, expression: pd.DataFrame, higher_is_sensitive: bool = False
) -> pd.DataFrame:
    """Every drug ranked for each sample; see `tasks.drugs.ranking.rank_drugs`.

    `pearson` is each drug's r over held-out cell lines, mean over the folds. Raises BadInputError where the
    store holds no final drug model, for samples that `samples.checked_samples` refuses, and where no
    sample knows enough genes.
    """
    table = table_of_frame(checked_samples(expression))
    ranking = _ranking_of(reader)
    return _rank(reader, ranking, prepared(ranking, table, Reading()), higher_is_sensitive)


def prepared(ranking: DrugRanking, table: Table, reading: Reading, given: GeneMap | None = None) -> Samples:
    """A table of samples as the ranking takes it, and compared with its training lines."""
    lines = ranking.cell_lines
    reference = Reference(lines, [""] * len(lines), ranking.genes, ranking.expression)
    return prepare(table, index_of(ranking.genes, known=given), reference, reading)


def _rank(
    reader: StoreReader, ranking: DrugRanking, samples: Samples, higher_is_sensitive: bool
) -> pd.DataFrame:
    known = out_of_fold(reader)
    return rank_drugs(ranking, samples.filled, DEFAULT_FEATURES, not higher_is_sensitive, known)


def _ranking_of(reader: StoreReader) -> DrugRanking:
    key = reader.committed_units().get(fold_level_unit(METHOD, FINAL_FOLD))
    if key is None:
        raise BadInputError(
            f"{reader.fs.name}: no final model of method drugs; `knockcast run` with --method drugs, and not "
            "--no-final, stores one"
        )
    (file,) = reader.commit(key).other_files
    return ranking_of(reader.verified(file))


def out_of_fold(reader: StoreReader) -> dict[str, float]:
    """Each drug's r between measured and predicted response of held-out lines, mean over the folds."""
    rows = reader.table("profile_scores").to_pandas()
    mine = rows[(rows["method"] == METHOD) & (rows["model"] == MODEL) & (rows["axis"] == "drug")]
    mine = mine[mine["features"] == DEFAULT_FEATURES]
    return {str(name): float(r) for name, r in mine.groupby("name")["pearson"].mean().items()}


def rank_file(
    store: str,
    expression: Path,
    out: Path,
    higher_is_sensitive: bool = False,
    reading: Reading | None = None,
    gene_map: Path | None = None,
    wrong: Sequence[str] = (),
) -> str:
    """Rank the drugs for a file of samples; write a row per sample and drug, and each sample's fit.

    `wrong` is what the caller knows to be wrong already. Returns what was done. Raises BadInputError, with
    all that is wrong, for input that cannot be used, before anything is written.
    """
    reading = reading or Reading()
    beside = out.with_name(f"{out.stem}.samples{out.suffix}")
    problems = Problems([*wrong])
    problems.of(lambda: check_reading(reading), None)
    problems.of(lambda: check_outs(expression, (out, beside), reading.force), None)
    given = problems.of(lambda: read_table(expression), None)
    known_ids = None if gene_map is None else problems.of(lambda: read_gene_map(gene_map), None)
    reader = problems.of(lambda: StoreReader.open(store), None)
    ranking = None if reader is None else problems.of(lambda: _ranking_of(reader), None)
    samples = None
    if given is not None and ranking is not None:
        samples = problems.of(lambda: prepared(ranking, given, reading, known_ids), None)
    if problems.found or reader is None or ranking is None or samples is None:
        raise BadInputError(list(dict.fromkeys(problems.found)))
    table = _rank(reader, ranking, samples, higher_is_sensitive)
    known = count_known(ranking.genes, list(samples.values.columns), samples.values.to_numpy())[1]
    fit = fit_table(samples.values, samples.reference, samples.doubt)
    fit = with_known_share(fit, known / len(ranking.genes))
    write(out, table)
    write(beside, fit)
    ranked = table["rank"].notna().groupby(table["sample"]).any()
    lines = [
        f"{out}: {len(fit)} samples x {table['drug'].nunique()} drugs, the most sensitive first",
        f"{beside}: how well each sample fits the training lines; {flagged_in_words(fit)}",
    ]
    if poor := [str(name) for name, any_rank in ranked.items() if not any_rank]:
        lines.append(f"{len(poor)} samples know under 90% of the genes, no ranks: {', '.join(poor[:20])}")
    return "\n".join([*lines, *(f"{expression.name}: {note}" for note in samples.notes)])
