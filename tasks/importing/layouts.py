"""Which file of a DepMap release holds what. Each generation of releases is one entry of `LAYOUTS`."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from tasks.errors import BadInputError
from tasks.importing.files import file_type

EFFECT, EXPRESSION, MODELS = "effect", "expression", "models"
DRUG_RESPONSE, DRUG_TARGETS = "drug_response", "drug_targets"
REQUIRED = (EFFECT, EXPRESSION, MODELS)


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
    ),
    Layout(
        "22Q4 to 25Q1",
        effect="CRISPRGeneEffect",
        dependency="CRISPRGeneDependency",
        expression="OmicsExpressionProteinCodingGenesTPMLogp1",
        models="Model",
    ),
    Layout(
        "to 22Q2, screens of both institutes",
        effect="CRISPR_gene_effect",
        dependency="CRISPR_gene_dependency",
        expression="CCLE_expression",
        models="sample_info",
    ),
    Layout(
        "to 22Q2, screens of the Broad Institute",
        effect="Achilles_gene_effect",
        dependency="Achilles_gene_dependency",
        expression="CCLE_expression",
        models="sample_info",
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
)


@dataclass(frozen=True)
class ReleaseFiles:
    """The file of every role that was found or named, and files that were passed over for another."""

    paths: dict[str, Path]
    passed_over: list[str] = field(default_factory=list)


def find_files(source: Path | None, named: dict[str, Path | None]) -> ReleaseFiles:
    """The files of a release folder; files that were named replace the folder's.

    Raises:
        BadInputError: no such folder or file, an unknown file type, or no file for a required role.
    """
    found, problems = _look_into(source)
    paths = {role: options[0] for role, options in found.items()}
    paths |= {role: Path(path) for role, path in named.items() if path is not None}
    for role, path in paths.items():
        if not path.is_file():
            problems.append(f"--{role.replace('_', '-')} {path}: no such file; check the path")
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
    roles = (*REQUIRED, DRUG_RESPONSE, DRUG_TARGETS)
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
