"""Which file of a DepMap release holds what, by the names the releases have used since 2018."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from tasks.errors import BadInputError
from tasks.importing.matrices import file_type

EFFECT, EXPRESSION, MODELS = "effect", "expression", "models"
DRUG_RESPONSE, DRUG_TARGETS = "drug_response", "drug_targets"
REQUIRED = (EFFECT, EXPRESSION, MODELS)

# Patterns of names without type, the best first: newer layouts before older ones, effect before dependency,
# the screens of both institutes (CRISPR_...) before Broad's own (Achilles_...).
_NAMES: dict[str, tuple[str, ...]] = {
    EFFECT: (
        "CRISPRGeneEffect",
        "CRISPR_gene_effect",
        "Achilles_gene_effect",
        "gene_effect(_corrected)?",
        "effect",
        "CRISPRGeneDependency",
        "CRISPR_gene_dependency",
        "Achilles_gene_dependency",
        "gene_dependency(_corrected)?",
        "dependency",
    ),
    EXPRESSION: (
        "OmicsExpressionTPMLogp1HumanProteinCodingGenes",
        "OmicsExpressionProteinCodingGenesTPMLogp1",
        "CCLE_expression",
        r"CCLE_depMap_\d\dQ\d_TPM(_v\d+)?",
        "expression",
    ),
    MODELS: ("Model", "sample_info", r"DepMap-\d{4}q\d-celllines(_v\d+)?", "models"),
    DRUG_RESPONSE: ("drug_response",),
    DRUG_TARGETS: ("drug_targets",),
}
_WANTED = {
    EFFECT: "CRISPRGeneEffect.csv, CRISPR_gene_effect.csv or Achilles_gene_effect.csv",
    EXPRESSION: (
        "OmicsExpressionTPMLogp1HumanProteinCodingGenes.csv, OmicsExpressionProteinCodingGenesTPMLogp1.csv "
        "or CCLE_expression.csv"
    ),
    MODELS: "Model.csv or sample_info.csv",
}


@dataclass(frozen=True)
class ReleaseFiles:
    """The file of every role that was found or named, and files that were passed over for another."""

    paths: dict[str, Path]
    passed_over: list[str] = field(default_factory=list)


def find_files(source: Path | None, named: dict[str, Path | None]) -> ReleaseFiles:
    """The files of a release folder, those named taking the place of the folder's.

    Raises:
        BadInputError: no such folder or file, an unknown file type, or a role that must be filled and is not.
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


def _look_into(source: Path | None) -> tuple[dict[str, list[Path]], list[str]]:
    """Every role's files in a folder, best first."""
    if source is None:
        return {}, []
    if not source.is_dir():
        kind = "a file; name files by --effect, --expression and --models" if source.exists() else "not there"
        return {}, [f"{source}: expected a release folder, but it is {kind}"]
    files = sorted(path for path in source.iterdir() if path.is_file() and file_type(path))
    found = {role: _best_first(files, patterns) for role, patterns in _NAMES.items()}
    return {role: options for role, options in found.items() if options}, []


def _best_first(files: list[Path], patterns: tuple[str, ...]) -> list[Path]:
    return [
        path for name in patterns for path in files if re.fullmatch(name, _stem(path), flags=re.IGNORECASE)
    ]


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".GZ").rpartition(".")[0]


def _missing(role: str, source: Path | None) -> str:
    if source is None:
        return f"no {role} file: name one by --{role}, or give a release folder"
    return f"{source}: no {role} file; expected {_WANTED[role]}, or name one by --{role}"
