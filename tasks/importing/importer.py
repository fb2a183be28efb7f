"""Imports a DepMap release, or matrices of the same kind, as a Dataset."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tasks.bounded import digest_of_file
from tasks.dataset.checks import range_in_words
from tasks.dataset.dataset import Dataset, write_dataset
from tasks.dataset.format import refuse_existing
from tasks.dataset.layers import Layer
from tasks.errors import BadInputError, Problems
from tasks.importing.alignment import Aligned, align
from tasks.importing.cell_line_table import ModelsTable, read_models
from tasks.importing.drug_files import DrugTargets, is_long, read_drug_targets, read_long_response
from tasks.importing.drugs import import_drugs
from tasks.importing.files import PARQUET_TYPES, ends_with_newline, file_type
from tasks.importing.identity import GeneIds, identify, read_gene_ids
from tasks.importing.layer_tables import (
    Covariates,
    checked_levels,
    lists_entries,
    read_covariates,
    read_entries,
)
from tasks.importing.layers import import_layers
from tasks.importing.layouts import (
    COPY_NUMBER,
    COVARIATES,
    DRUG_RESPONSE,
    DRUG_TARGETS,
    EFFECT,
    EXPRESSION,
    MODELS,
    MUTATION_ROLES,
    PROTEIN,
    ReleaseFiles,
    find_files,
    flag_of,
)
from tasks.importing.matrices import DRUGS, GENES, LAYER_FEATURES, LAYER_GENES, Kind, Matrix
from tasks.importing.parquet_matrix import read_parquet_matrix
from tasks.importing.recognition.dates import dates_in_words, strange_to_spreadsheets
from tasks.importing.recognition.doubts import (
    effect_doubts,
    expression_doubts,
    lineage_doubts,
    lines_doubts,
    twin_doubts,
    two_cases_doubts,
)
from tasks.importing.recognition.layer_values import doubt_of_sameness, judge_layers
from tasks.importing.recognition.line_names import LineNames
from tasks.importing.recognition.measure import decide_measure, doubt_of_roles
from tasks.importing.text_matrix import read_text_matrix

MATRIX_LAYERS = (*MUTATION_ROLES, COPY_NUMBER, PROTEIN)
WARNINGS = "warnings"  # the report's entry of what is likely to be wrong


def import_release(
    source: Path | None = None,
    effect: Path | None = None,
    expression: Path | None = None,
    models: Path | None = None,
    drug_response: Path | None = None,
    drug_targets: Path | None = None,
    *,
    out: Path,
    mutations: Path | Sequence[Path] = (),
    copy_number: Path | None = None,
    protein: Path | None = None,
    covariates: Path | None = None,
    gene_ids: Path | None = None,
    drug_value: str | None = None,
    measure: str | None = None,
    min_coverage: float = 0.9,
) -> Dataset:
    """Reads a release folder of any layout since 2018, or named files, or both (a named file wins).

    `measure` ("effect", "dependency", "level") is guessed from the values where it is None. Genes of the
    expression known on fewer than `min_coverage` (0..1) of the shared lines are set aside, then lines with a
    gap left. What was set aside, guessed or not understood is in the Dataset's report.

    Lines may go by another name that the models table has, genes by Ensembl or Entrez id: `gene_ids` is a
    table (or a Dataset) that gives their symbols.

    A drug response may be a long table, a row for each line and drug, of which `drug_value` is the column of
    values (`tasks.importing.drug_files`); its own target genes count where no table of targets is given.

    Layers are further inputs of the same lines (`tasks.dataset.layers`). `mutations` may be two files, of
    damaging and of hotspot mutations by their names: matrices, or lists of the entries that are not 0 (lines
    named in no file of mutations count as not measured).

    Names of genes, drugs and cell lines are used without the blanks around them (reported); one that contains
    a line break, a tab, NUL or another character that does not show is refused.

    Raises:
        BadInputError: every problem of every file; nothing has been written.
        OSError: the disk failed on writing; nothing is left behind.
    """
    refuse_existing(Path(out))
    if not 0 < min_coverage <= 1:
        raise BadInputError(f"--min-coverage {min_coverage}: expected above 0, at most 1 (0.9 is 90%)")
    named = {EFFECT: effect, EXPRESSION: expression, MODELS: models}
    named |= {DRUG_RESPONSE: drug_response, DRUG_TARGETS: drug_targets}
    named |= {COPY_NUMBER: copy_number, PROTEIN: protein, COVARIATES: covariates}
    several = [Path(mutations)] if isinstance(mutations, str | Path) else [Path(path) for path in mutations]
    files = find_files(None if source is None else Path(source), named, several)
    parts, problems = _read_all(files, drug_value)
    ids = None if gene_ids is None else read_gene_ids(Path(gene_ids))
    found = _agreed(files, parts, problems, ids, measure, min_coverage)
    aligned, known = found.aligned, parts[MODELS]
    drugs, of_drugs = import_drugs(parts.get(DRUG_RESPONSE), parts.get(DRUG_TARGETS), aligned, known)
    return write_dataset(
        out,
        expression=aligned.expression,
        effect=aligned.effect,
        cell_lines=aligned.cell_lines,
        genes=aligned.genes.labels,
        targets=aligned.targets.labels,
        measure=found.measure,
        lineages=known.lineages_of(aligned.cell_lines),
        gene_entrez=aligned.genes.entrez,
        target_entrez=aligned.targets.entrez,
        cell_line_table=known.names_of(aligned.cell_lines),
        sources=[_source(role, path) for role, path in files.paths.items()],
        layers=found.layers,
        report=_report(files, parts, found) | found.of_names | of_drugs | found.of_layers,
        **drugs,
    )


@dataclass(frozen=True, eq=False)
class _Agreed:
    """What the files say together.

    `how` the measure was decided; `of_layers`, `of_names`: entries of the report; `doubts` about layers.
    """

    measure: str
    how: str
    aligned: Aligned
    layers: list[Layer]
    doubts: tuple[str, ...]
    of_names: dict[str, Any]
    of_layers: dict[str, Any]


def _agreed(
    files: ReleaseFiles,
    parts: dict[str, Any],
    problems: list[str],
    ids: GeneIds | None,
    measure: str | None,
    min_coverage: float,
) -> _Agreed:
    """Lines and genes brought together; BadInputError with the problems so far and every one found here."""
    effect, expression, known = parts[EFFECT], parts[EXPRESSION], parts[MODELS]
    given = [(flag_of(role), parts[role]) for role in (*MATRIX_LAYERS, DRUG_RESPONSE) if role in parts]
    judged = judge_layers(given, {EFFECT: effect, EXPRESSION: expression})
    roles = doubt_of_roles(effect.file, effect.values, expression.file, expression.values)
    same_values = doubt_of_sameness(effect, expression)
    found = Problems([*problems, *judged.problems, *filter(None, (roles, same_values))])
    measured_in = partial(decide_measure, str(files.paths[EFFECT]), effect.values, measure)
    decided = found.of(measured_in, None)
    same = found.of(partial(identify, effect, expression, known, ids), None)
    aligned = None
    if same is not None:
        aligned = found.of(partial(align, same.effect, same.expression, min_coverage), None)
    lines = [] if aligned is None else aligned.cell_lines
    made = found.of(partial(import_layers, parts, lines, known, min_coverage), None) if lines else None
    if found.found or decided is None or same is None or aligned is None or made is None:
        raise BadInputError(found.found)
    layers, of_layers = made
    return _Agreed(*decided, aligned, layers, judged.doubts, same.report, of_layers)


def read_matrix(path: Path, kind: Kind) -> Matrix:
    """A matrix file of any type we read; BadInputError with all its problems."""
    return (read_parquet_matrix if file_type(path) in PARQUET_TYPES else read_text_matrix)(path, kind)


def _read_mutations(path: Path) -> Matrix:
    return checked_levels(read_entries(path) if lists_entries(path) else read_matrix(path, LAYER_GENES))


def _read_all(files: ReleaseFiles, drug_value: str | None) -> tuple[dict[str, Any], list[str]]:
    """Every file's content by role, and the problems of those that cannot be read.

    BadInputError with all of them where without those files nothing more can be said.
    """
    parts: dict[str, Any] = {}

    def read_response(path: Path) -> Matrix:
        if not is_long(path, drug_value):
            return read_matrix(path, DRUGS)
        names = parts[MODELS].line_names if MODELS in parts else LineNames({})
        response = read_long_response(path, names, drug_value)
        if response.targets is not None:
            parts.setdefault(DRUG_TARGETS, response.targets)
        return response.matrix

    readers: dict[str, Callable[[Path], Matrix | ModelsTable | DrugTargets | Covariates]] = {
        MODELS: read_models,  # the small ones first
        DRUG_TARGETS: read_drug_targets,
        COVARIATES: read_covariates,
        PROTEIN: lambda path: read_matrix(path, LAYER_FEATURES),
        **dict.fromkeys(MUTATION_ROLES, _read_mutations),
        COPY_NUMBER: lambda path: read_matrix(path, LAYER_GENES),
        DRUG_RESPONSE: read_response,
        EFFECT: lambda path: read_matrix(path, GENES),
        EXPRESSION: lambda path: read_matrix(path, GENES),
    }
    problems: list[str] = []
    for role, read in readers.items():
        if role in files.paths:
            try:
                parts[role] = read(files.paths[role])
            except BadInputError as error:
                problems += error.problems
    if not {EFFECT, EXPRESSION, MODELS} <= set(parts):
        raise BadInputError(problems)
    return parts, problems


def _report(files: ReleaseFiles, parts: dict[str, Any], found: _Agreed) -> dict[str, Any]:
    """What a person should know of this import: by heading, a sentence or a list (empty lists stay in)."""
    known: ModelsTable = parts[MODELS]
    aligned = found.aligned
    matrices = [parts[EFFECT], parts[EXPRESSION]]
    named = [*matrices, *([parts[DRUG_RESPONSE]] if DRUG_RESPONSE in parts else [])]
    lines = aligned.cell_lines
    return {
        "files": [f"{role}: {path.name}" for role, path in files.paths.items()],
        WARNINGS: [
            *lines_doubts(len(lines), *(len(matrix.ids) for matrix in matrices)),
            *lineage_doubts(files.paths[MODELS].name, known.lineages_of(lines)),
            *effect_doubts(found.measure, aligned.targets.symbols, aligned.effect),
            *expression_doubts(aligned.genes.symbols, aligned.expression),
            *twin_doubts(lines, aligned.expression),
            *two_cases_doubts({"effect": aligned.targets.symbols, "expression": aligned.genes.symbols}),
            *found.doubts,
            *(f"{Path(m.file).name}: {words}" for m in matrices if (words := dates_in_words(m.columns))),
        ],
        "files passed over": files.passed_over,
        "files not written as plain text, and how they were read": [
            f"{files.paths[role].name}: {', '.join(part.notes)}"
            for role, part in parts.items()
            if getattr(part, "notes", ())
        ],
        "measure": found.how,
        "expression": range_in_words(aligned.expression),
        "lineage from": ", else ".join(known.lineage_columns) or "no column: unknown for every line",
        **aligned.report,
        "cell lines not in the models table, kept without lineage": [
            line for line in lines if line not in known.lineages
        ],
        "cell lines in the models table without lineage": [
            line for line in lines if known.lineages.get(line) == ""
        ],
        "text files whose last line is not closed (cut short?)": [
            path.name for path in files.paths.values() if not ends_with_newline(path)
        ],
        "names with blanks around them, used without": [name for m in named for name in m.trimmed],
        "names that spreadsheets take for a formula, a number or nothing": [
            name for m in named for name in strange_to_spreadsheets([*m.ids, *m.columns])
        ],
        "columns describing the rows, not used": sorted({name for m in matrices for name in m.described_by}),
        "rows that are no default entry, not used (their cell lines)": [
            line for matrix in matrices for line in matrix.other_entries
        ],
    }


def _source(role: str, path: Path) -> dict[str, Any]:
    size, digest = path.stat().st_size, digest_of_file(path)
    return {"role": role, "name": path.name, "size": size, "sha256": digest}
