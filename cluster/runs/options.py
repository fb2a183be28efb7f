"""The options of a run checked, the folds and targets they mean, and the body of run.json that fixes them."""

import difflib
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
from pydantic import ValidationError

from cluster.libraries import NUMERICAL
from cluster.runs.fields import CODE_REDUNDANCY, RunOptions, flag_of
from modeling.candidates.registry import candidates_of
from modeling.folds import Fold, Scheme, final_fold, make_folds
from tasks.bounded import read_whole
from tasks.dataset.checks import check_enough_lines, check_lineages
from tasks.dataset.dataset import Dataset
from tasks.dataset.gene_finder import GeneFinder
from tasks.errors import BadInputError
from tasks.methods import DEFAULT_METHODS
from tasks.methods.method import Method
from tasks.methods.registry import method_named, method_names, usable_methods
from tasks.samples.aliases import gene_aliases

# Raised whenever a change makes the same inputs and seed give other numbers, by more than the last digits:
# those another kind of CPU changes, too.
ALGORITHM = 2
MOST_NAMES = 2**24  # bytes of a list of targets

BUILT_SCHEMES: tuple[str, ...] = get_args(Scheme)


def checked_options(methods: Sequence[str] | str = DEFAULT_METHODS, **options: Any) -> RunOptions:
    """The options, or a BadInputError that names every one that cannot be used and what could be."""
    named = [methods] if isinstance(methods, str) else list(methods)
    given = {name: value for name, value in options.items() if name in RunOptions.model_fields}
    problems = [_no_such_option(name) for name in options if name not in given]
    problems += _unknown("--method", named, method_names())
    methods_known = [method_named(name) for name in dict.fromkeys(named) if name in method_names()]
    scheme = given.pop("scheme", "kfold")
    if unknown := _unknown("--scheme", [scheme], BUILT_SCHEMES):
        problems += unknown
        scheme = "kfold"
    problems += [
        f"--method {method.name}: its folds are over {method.folds_over}; only with --scheme "
        f"{' or '.join(method.schemes)}, given {scheme}"
        for method in methods_known
        if scheme not in method.schemes
    ]
    if given.get("search_architecture") and given.get("nested_search"):
        problems.append("--search-architecture and --nested-search: choose one of them")
    problems += _preset_misuse(given)
    try:
        chosen = RunOptions(methods=tuple(named), scheme=scheme, **given)
    except ValidationError as error:
        problems += dict.fromkeys(
            f"{flag_of(str(e['loc'][0]))}: {e['msg']} (given: {e['input']!r})" for e in error.errors()
        )
        raise BadInputError(problems) from None
    if chosen.like_the_code and not (chosen.fdr == 0.05 and chosen.redundancy in (None, CODE_REDUNDANCY)):
        problems.append(
            f"--like-the-code selects without --fdr and with --redundancy {CODE_REDUNDANCY}; leave both out"
        )
    if chosen.stratified:
        problems += _stratified_misuse(methods_known, scheme)
    if problems:
        raise BadInputError(problems)
    return chosen


def _no_such_option(name: str) -> str:
    """What is said of a keyword that no option has."""
    close = difflib.get_close_matches(name, RunOptions.model_fields, n=3, cutoff=0.6)
    hint = f"did you mean {', '.join(close)}?" if close else f"known are {', '.join(RunOptions.model_fields)}"
    return f"{name}: there is no such option; {hint}"


def _preset_misuse(given: Mapping[str, Any]) -> list[str]:
    """Why these candidates cannot be had; nothing where they can, or where the field itself says why."""
    preset = {name: value for name, value in given.items() if name == "preset"}
    try:
        candidates_of(RunOptions(**preset).candidates)
    except ValidationError:
        return []
    except ValueError as error:
        return [f"--preset {preset['preset']}: {error}"]
    return []


def _stratified_misuse(methods: Sequence[Method], scheme: str) -> list[str]:
    """Why stratified folds cannot be had with these; nothing where they can."""
    why = "its folds are each target's own, so no other method's rows could be compared with them"
    problems = []
    if len(methods) != 1 or not methods[0].can_stratify:
        able = " or ".join(method.name for method in usable_methods() if method.can_stratify)
        given = ", ".join(method.name for method in methods)
        problems.append(f"--stratified: only with --method {able} alone, given {given}; {why}")
    if scheme != "kfold":
        problems.append(f"--stratified: only with --scheme kfold, given {scheme}")
    return problems


def _unknown(option: str, given: Sequence[str], built: Sequence[str]) -> list[str]:
    return [f"{option} {name}: unknown; known are {', '.join(built)}" for name in given if name not in built]


def folds_of(options: RunOptions, dataset: Dataset) -> tuple[Fold, ...]:
    """The run's folds over the dataset's cell lines, the final one (all lines) last.

    Raises BadInputError where there are too few lines for the folds asked for, or no lineage is large enough.
    """
    n_lines = len(dataset.cell_lines)
    check_enough_lines(dataset, options.folds if options.scheme == "kfold" else 2)
    if options.scheme == "lineage":
        check_lineages(dataset)
    folds = make_folds(options.scheme, n_lines, options.folds, options.seed, dataset.lineages)
    return (*folds, final_fold(n_lines))


def run_body(
    options: RunOptions, dataset: Dataset, folds: Sequence[Fold], targets_sha256: str
) -> dict[str, Any]:
    """The body of run.json: everything that the results depend on, and nothing else."""
    return {
        "algorithm": ALGORITHM,
        "dataset_hash": dataset.content_hash,
        "targets_sha256": targets_sha256,
        "measure": dataset.measure,
        "cell_lines": len(dataset.cell_lines),
        "genes": len(dataset.genes),
        "scheme": options.scheme,
        "seed": options.seed,
        "preset": options.preset,
        "settings": _settings(options),
        "device": options.runs_on,
        "folds": [_fold_body(fold) for fold in folds],
        "n_folds": sum(len(f.test) > 0 and not f.control for f in folds),
        "libraries": {name: version(name) for name in NUMERICAL} | {"machine": platform.machine()},
    }


def _settings(options: RunOptions) -> dict[str, Any]:
    """What `options_of` reads back; what older runs did not know only where it is not at its default."""
    settings = {"top": options.top, "fdr": options.fdr, "redundancy": options.redundancy}
    names = ("like_the_code", "stratified", "search_architecture", "nested_search")
    switches = {name: getattr(options, name) for name in names}
    inputs = {} if options.inputs == "expression" else {"inputs": options.inputs}
    return settings | inputs | {name: True for name, on in switches.items() if on}


def _fold_body(fold: Fold) -> dict[str, Any]:
    """As run.json lists it; `control` only where true, so that runs of other schemes keep their digest."""
    body = {
        "number": fold.number,
        "name": fold.name,
        "n_train": len(fold.train),
        "n_test": len(fold.test),
    }
    return body | ({"control": True} if fold.control else {})


def options_of(body: Mapping[str, Any]) -> RunOptions:
    """The options that decided a stored run's results, read back from its run.json; others at defaults."""
    held_out = [f for f in body["folds"] if f["n_test"] > 0]
    folds: dict[str, Any] = {"folds": len(held_out)} if body["scheme"] == "kfold" else {}
    return RunOptions(
        preset=body["preset"],
        scheme=body["scheme"],
        seed=body["seed"],
        device=body["device"],
        **folds,
        **body["settings"],
    )


def chosen_targets(dataset: Dataset, classes: Sequence[str], wanted: str | Sequence[str]) -> list[str]:
    """The targets that `--targets` names: `all`, `variable`, `G1,G2`, or `@FILE` with one a line; or a list.

    A name in another case, an Entrez or Ensembl id, or an older or newer symbol will do. Raises BadInputError
    listing every name that means no target of the dataset.
    """
    if wanted == "all":
        return list(dataset.targets)
    if wanted == "variable":
        chosen = [t for t, c in zip(dataset.targets, classes, strict=True) if c == "variable"]
        if not chosen:
            raise BadInputError(f"--targets variable: no target of {dataset.path} has a sd above 0.1")
        return chosen
    names = named_targets(wanted) if isinstance(wanted, str) else list(wanted)
    if not names:
        raise BadInputError(f"--targets {wanted}: no target is named")
    finder = GeneFinder(dataset.targets, dataset.target_entrez, gene_aliases())
    what = f"among the {len(dataset.targets)} targets of {dataset.path}"
    found, problems = [], []
    for name in names:
        try:
            found.append(finder.find(name, what))
        except BadInputError as error:
            problems += [f"--targets: {problem}" for problem in error.problems]
    if problems:
        raise BadInputError(problems)
    return list(dict.fromkeys(found))


def targets_of(
    method: str, dataset: Dataset, facts: pa.Table, names: Sequence[str], wanted: str | Sequence[str]
) -> list[str]:
    """Of the targets chosen, those a method models.

    Raises BadInputError where none is left of a method of targets, or one that was named is not among them.
    """
    known = method_named(method)
    if known.fits != "targets":
        return []
    classes = dict(zip(dataset.targets, facts.column("class").to_pylist(), strict=True))
    kept = known.targets(classes, names)
    others = [] if wanted in ("all", "variable") else [name for name in names if name not in set(kept)]
    problems = [f"--method {method}: {name}: {known.models_only}" for name in others]
    if problems or not kept:
        raise BadInputError(problems or f"--method {method}: {dataset.path}: no target; {known.models_only}")
    return kept


def named_targets(wanted: str) -> list[str]:
    """The names in `G1,G2` or in `@FILE`, one a line. BadInputError where that cannot be read."""
    if not wanted.startswith("@"):
        return [name.strip() for name in wanted.split(",") if name.strip()]
    try:
        lines = read_whole(Path(wanted[1:]), MOST_NAMES).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"--targets {wanted}: the file cannot be read: {error}") from None
    return [line.strip() for line in lines if line.strip()]
