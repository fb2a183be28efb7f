"""Which file of a DepMap release holds what. Each generation of releases is one entry of `LAYOUTS`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tasks.errors import BadInputError
from tasks.importing.files import file_type

EFFECT, EXPRESSION, MODELS = "effect", "expression", "models"
DRUG_RESPONSE, DRUG_TARGETS = "drug_response", "drug_targets"
REQUIRED = (EFFECT, EXPRESSION, MODELS)
# Of mutations there may be a file of each kind; the kind is what a file's name says.
DAMAGING, HOTSPOT, MUTATIONS = "mutations_damaging", "mutations_hotspot", "mutations"
MUTATION_ROLES = {DAMAGING: "damaging", HOTSPOT: "hotspot", MUTATIONS: ""}
COPY_NUMBER, PROTEIN, COVARIATES = "copy_number", "protein", "covariates"
OPTIONAL = (DRUG_RESPONSE, DRUG_TARGETS, *MUTATION_ROLES, COPY_NUMBER, PROTEIN, COVARIATES)


@dataclass(frozen=True)
class Layout:
    """The files of one generation of releases, as regular expressions of their names without type.

    `dependency` is taken for the effect where a folder has no effect file of any layout. `models` is the
    table of cell lines. Empty: the layout has no such file.
    """

    name: str
    effect: str
    expression: str
    models: str
    dependency: str = ""
    drug_response: str = ""
    drug_targets: str = ""
    mutations_damaging: str = ""
    mutations_hotspot: str = ""
    mutations: str = ""
    copy_number: str = ""
    protein: str = ""
    covariates: str = ""


_MATRIX = r"OmicsSomaticMutationsMatrix{}(_\w+)?"
_SINCE_22Q4 = {DAMAGING: _MATRIX.format("Damaging"), HOTSPOT: _MATRIX.format("Hotspot")}
_TO_22Q2 = {
    DAMAGING: "CCLE_mutations_bool_damaging",
    HOTSPOT: "CCLE_mutations_bool_hotspot",
    COPY_NUMBER: "CCLE_gene_cn",
    PROTEIN: r"CCLE_RPPA_\d{8}",
}
# The best first: newer releases before older ones, the screens of both institutes before Broad's own. Files
# are chosen role by role, so a folder may mix layouts. A new kind of id or description column goes into
# `matrices` (matrices) or `cell_line_table` (cell lines).
LAYOUTS = (
    Layout(
        "since 25Q2",
        effect="CRISPRGeneEffect",
        dependency="CRISPRGeneDependency",
        expression="OmicsExpressionTPMLogp1HumanProteinCodingGenes",
        models="Model",
        copy_number=r"(OmicsCNGeneWGS|PortalOmicsCNGeneLog2)(_\w+)?",
        protein="harmonized_RPPA_CCLE",
        covariates="OmicsGlobalSignatures",
        **_SINCE_22Q4,
    ),
    Layout(
        "22Q4 to 25Q1",
        effect="CRISPRGeneEffect",
        dependency="CRISPRGeneDependency",
        expression="OmicsExpressionProteinCodingGenesTPMLogp1",
        models="Model",
        copy_number=r"OmicsCNGene(_\w+)?",
        covariates="OmicsSignatures",
        **_SINCE_22Q4,
    ),
    Layout(
        "to 22Q2, screens of both institutes",
        effect="CRISPR_gene_effect",
        dependency="CRISPR_gene_dependency",
        expression="CCLE_expression",
        models="sample_info",
        **_TO_22Q2,
    ),
    Layout(
        "to 22Q2, screens of the Broad Institute",
        effect="Achilles_gene_effect",
        dependency="Achilles_gene_dependency",
        expression="CCLE_expression",
        models="sample_info",
        **_TO_22Q2,
    ),
    Layout(
        "2018",
        effect="gene_effect(_corrected)?",
        dependency="gene_dependency(_corrected)?",
        expression=r"CCLE_depMap_\d\dQ\d_TPM(_v\d+)?",
        models=r"DepMap-\d{4}q\d-celllines(_v\d+)?",
    ),
)
OWN_FILES = Layout(
    "a user's own files",
    effect="effect",
    dependency="dependency",
    expression="expression",
    models="models",
    drug_response="drug_response",
    drug_targets="drug_targets",
    **{role: role for role in (*MUTATION_ROLES, COPY_NUMBER, PROTEIN, COVARIATES)},
)


@dataclass(frozen=True)
class ReleaseFiles:
    """The file of every role that was found or named, and files that were passed over for another."""

    paths: dict[str, Path]
    passed_over: list[str] = field(default_factory=list)


def find_files(
    source: Path | None, named: dict[str, Path | None], mutations: Sequence[Path] = ()
) -> ReleaseFiles:
    """The files of a release folder; files that were named replace the folder's.

    One that is named of `mutations` replaces all of the folder's.

    Raises:
        BadInputError: no such folder or file, an unknown file type, no file for a required role, or two named
            files of one kind of mutations.
    """
    found, problems = _look_into(source)
    by_kind, clashes = _kinds_of_mutations(mutations)
    problems += clashes
    if mutations:
        found = {role: options for role, options in found.items() if role not in MUTATION_ROLES}
    named = {**named, **by_kind}
    paths = {role: options[0] for role, options in found.items()}
    paths |= {role: Path(path) for role, path in named.items() if path is not None}
    for role, path in paths.items():
        if not path.is_file():
            why = "is no regular file" if path.exists() else "no such file"
            problems.append(f"{flag_of(role)} {path}: {why}; check the path")
        elif not file_type(path):
            problems.append(
                f"{path}: unknown file type; expected .csv, .tsv, .txt (each also .gz) or .parquet"
            )
    problems += [_missing(role, source) for role in REQUIRED if role not in paths]
    if problems:
        raise BadInputError(problems)
    passed_over = [
        f"{other.name} ({paths[role].name} taken)"
        for role, options in found.items()
        for other in options
        if other != paths[role]
    ]
    return ReleaseFiles(paths, passed_over)


def flag_of(role: str) -> str:
    """The option that names a role's file."""
    return "--mutations" if role in MUTATION_ROLES else f"--{role.replace('_', '-')}"


def _kinds_of_mutations(paths: Sequence[Path]) -> tuple[dict[str, Path], list[str]]:
    """The role of each named file of mutations, and what is wrong with them together."""
    chosen: dict[str, Path] = {}
    problems = []
    for path in map(Path, paths):
        stem = _stem(path).lower()
        role = next((role for role, kind in MUTATION_ROLES.items() if kind and kind in stem), MUTATIONS)
        if role in chosen:
            kind = f"of {MUTATION_ROLES[role]} mutations" if MUTATION_ROLES[role] else "of no kind"
            problems.append(
                f"--mutations {path}: a second file {kind} by its name, beside {chosen[role].name}; expected "
                "one with 'damaging' and one with 'hotspot' in its name"
            )
        chosen.setdefault(role, path)
    return chosen, problems


def patterns_of(role: str, layouts: tuple[Layout, ...]) -> list[str]:
    """The patterns of a role's file, the best first."""
    kinds = (EFFECT, "dependency") if role == EFFECT else (role,)
    patterns = [getattr(layout, kind) for kind in kinds for layout in layouts]
    return [pattern for pattern in dict.fromkeys(patterns) if pattern]


def _look_into(source: Path | None) -> tuple[dict[str, list[Path]], list[str]]:
    """Every role's files in a folder, best first."""
    if source is None:
        return {}, []
    if not source.is_dir():
        kind = "a file; name files by --effect, --expression and --models" if source.exists() else "not there"
        return {}, [f"{source}: expected a release folder, but it is {kind}"]
    files = sorted(path for path in source.iterdir() if path.is_file() and file_type(path))
    roles = (*REQUIRED, *OPTIONAL)
    found = {role: _best_first(files, patterns_of(role, (*LAYOUTS, OWN_FILES))) for role in roles}
    return {role: options for role, options in found.items() if options}, []


def _best_first(files: list[Path], patterns: list[str]) -> list[Path]:
    return [
        path for name in patterns for path in files if re.fullmatch(name, _stem(path), flags=re.IGNORECASE)
    ]


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".GZ").rpartition(".")[0]


def _missing(role: str, source: Path | None) -> str:
    if source is None:
        return f"no {role} file: name one by --{role}, or give a release folder"
    fixed = [getattr(layout, role) for layout in LAYOUTS if re.fullmatch(r"\w*", getattr(layout, role))]
    names = [f"{name}.csv" for name in dict.fromkeys(fixed)]
    expected = " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"{source}: no {role} file; expected {expected}, or name one by --{role}"
