"""What a run is: the options a user gives, checked, and the body of run.json that fixes the results."""

import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cluster.runs.dependencies import Search
from modeling.candidates.registry import candidates_of, known_candidates
from modeling.folds import Fold, Scheme, final_fold, make_folds
from modeling.selection.select import SelectionSettings
from tasks.dataset.checks import check_enough_lines, check_lineages
from tasks.dataset.dataset import Dataset
from tasks.dataset.gene_classes import VARIABLE
from tasks.drugs.drugs import METHOD as DRUGS
from tasks.errors import BadInputError
from tasks.methods.profiles import METHOD as PROFILES
from tasks.networks.training import NETWORK_METHODS

# Raised whenever a change makes the same inputs and seed give other numbers.
ALGORITHM = 2
FORMAT = 1

CODE_REDUNDANCY = 0.95  # of the published code, whatever its paper says

# Those that forecast whole vectors: they have folds of their own over genes or drugs, and no targets.
VECTOR_METHODS = (PROFILES, DRUGS)
# Those whose models of all lines are stored for `predict`.
FINAL_METHODS = ("modifiers", "ridge", "kernel", *NETWORK_METHODS, DRUGS)
BUILT_METHODS = (*FINAL_METHODS, "forest", "one_modifier", "all_modifiers", PROFILES)
# Those that use a GPU on device cuda.
GPU_METHODS = frozenset({"modifiers", "one_modifier", "all_modifiers", *NETWORK_METHODS, *VECTOR_METHODS})
BUILT_SCHEMES = ("kfold", "split", "lineage")

# Their versions change last digits, so they are part of what a run is.
LIBRARIES = ("numpy", "scipy", "scikit-learn", "numba", "xgboost-cpu", "torch")


class RunOptions(BaseModel):
    """The options that decide a run's results. Workers, shard size and address never do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: str = "quick"
    scheme: Scheme = "kfold"
    folds: Annotated[int, Field(ge=2, le=1000)] = 5
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    top: Annotated[int, Field(ge=1, le=1000)] = 20
    fdr: Annotated[float, Field(gt=0, lt=1)] = 0.05
    redundancy: Annotated[float, Field(gt=0, le=1)] | None = None
    like_the_code: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    stratified: bool = False  # each target has quantile-stratified folds of its own
    search_architecture: bool = False  # of shared networks, on the first fold
    nested_search: bool = False  # the same in every fold, from its training lines alone

    @property
    def candidates(self) -> str | tuple[str, ...]:
        """The preset's name, or the candidates named one by one (`ols,knn`, or `ols` alone)."""
        names = tuple(name.strip() for name in self.preset.split(","))
        return names if len(names) > 1 or names[0] in known_candidates() else names[0]

    @property
    def runs_on(self) -> str:
        """`cuda` or `cpu`: never `auto`, which `devices.device_for` settles before a run begins."""
        return "cuda" if self.device == "cuda" else "cpu"

    @property
    def search(self) -> Search:
        """How the architecture of shared networks is searched for."""
        return "nested" if self.nested_search else "once" if self.search_architecture else "none"

    @property
    def selection(self) -> SelectionSettings:
        """How modifiers are selected: as the paper writes, or as its published code does."""
        if self.like_the_code:
            return SelectionSettings(top=self.top, fdr=None, redundancy=CODE_REDUNDANCY, cut="mean")
        return SelectionSettings(top=self.top, fdr=self.fdr, redundancy=self.redundancy)


def checked_options(methods: Sequence[str], **options: Any) -> RunOptions:
    """The options, or a BadInputError that names every one that cannot be used and what could be."""
    problems = _unknown("--method", methods, BUILT_METHODS)
    scheme = options.pop("scheme", "kfold")
    if unknown := _unknown("--scheme", [scheme], BUILT_SCHEMES):
        problems += unknown
        scheme = "kfold"
    if scheme != "kfold":
        problems += [
            f"--method {method}: its folds are over genes or drugs; only with --scheme kfold, given {scheme}"
            for method in methods
            if method in VECTOR_METHODS
        ]
    if options.get("search_architecture") and options.get("nested_search"):
        problems.append("--search-architecture and --nested-search: choose one of them")
    try:
        chosen = RunOptions(scheme=scheme, **options)
    except ValidationError as error:
        problems += [
            f"--{'.'.join(map(str, e['loc']))}: {e['msg']} (given: {e['input']!r})" for e in error.errors()
        ]
        raise BadInputError(problems) from None
    if chosen.like_the_code and not (chosen.fdr == 0.05 and chosen.redundancy in (None, CODE_REDUNDANCY)):
        problems.append(
            f"--like-the-code selects without --fdr and with --redundancy {CODE_REDUNDANCY}; leave both out"
        )
    if chosen.stratified:
        problems += _stratified_misuse(methods, scheme)
    try:
        candidates_of(chosen.candidates)
    except ValueError as error:
        problems.append(f"--preset {chosen.preset}: {error}")
    if problems:
        raise BadInputError(problems)
    return chosen


def _stratified_misuse(methods: Sequence[str], scheme: str) -> list[str]:
    """Why stratified folds cannot be had with these; nothing where they can."""
    why = "its folds are each target's own, so no other method's rows could be compared with them"
    problems = []
    if set(methods) != {"forest"}:
        problems.append(f"--stratified: only with --method forest alone, given {', '.join(methods)}; {why}")
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


def run_body(options: RunOptions, dataset: Dataset, targets_sha256: str) -> dict[str, Any]:
    """The body of run.json: everything that the results depend on, and nothing else."""
    folds = folds_of(options, dataset)
    return {
        "format": FORMAT,
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
        "libraries": {name: version(name) for name in LIBRARIES} | {"machine": platform.machine()},
    }


def _settings(options: RunOptions) -> dict[str, Any]:
    """What `options_of` reads back; switches only where they are on, as older runs know none."""
    settings = {"top": options.top, "fdr": options.fdr, "redundancy": options.redundancy}
    names = ("like_the_code", "stratified", "search_architecture", "nested_search")
    switches = {name: getattr(options, name) for name in names}
    return settings | {name: True for name, on in switches.items() if on}


def _fold_body(fold: Fold) -> dict[str, Any]:
    """As run.json lists it; `control` only where true, so that runs of other schemes keep their digest."""
    body = {
        "number": fold.number,
        "name": fold.name,
        "n_train": len(fold.train),
        "n_test": len(fold.test),
    }
    return body | ({"control": True} if fold.control else {})


def options_of(body: dict[str, Any]) -> RunOptions:
    """The options a stored run was started with, read back from its run.json."""
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

    Raises BadInputError listing every name the dataset does not hold.
    """
    if wanted == "all":
        return list(dataset.targets)
    if wanted == "variable":
        chosen = [t for t, c in zip(dataset.targets, classes, strict=True) if c == "variable"]
        if not chosen:
            raise BadInputError(f"--targets variable: no target of {dataset.path} has a sd above 0.1")
        return chosen
    names = named_targets(wanted) if isinstance(wanted, str) else list(wanted)
    known = set(dataset.targets)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise BadInputError(
            [f"--targets: {name} is not among the {len(known)} targets of {dataset.path}" for name in unknown]
            or [f"--targets {wanted}: no target is named"]
        )
    return list(dict.fromkeys(names))


def targets_of(
    method: str, dataset: Dataset, facts: pa.Table, names: Sequence[str], wanted: str | Sequence[str]
) -> list[str]:
    """Of the targets chosen, those a method models: shared networks forecast those that vary, profiles none.

    Raises BadInputError where none is left, or one that was named is not among them.
    """
    if method in VECTOR_METHODS:
        return []
    if method not in NETWORK_METHODS:
        return list(names)
    classes = dict(zip(dataset.targets, facts.column("class").to_pylist(), strict=True))
    kept = [name for name in names if classes[name] == VARIABLE]
    others = [] if wanted in ("all", "variable") else [name for name in names if classes[name] != VARIABLE]
    problems = [
        f"--method {method}: {name} hardly varies; it models targets with a sd above 0.1" for name in others
    ]
    if problems or not kept:
        raise BadInputError(problems or f"--method {method}: no target of {dataset.path} has a sd above 0.1")
    return kept


def named_targets(wanted: str) -> list[str]:
    """The names in `G1,G2` or in `@FILE`, one a line. BadInputError where the file cannot be read."""
    if not wanted.startswith("@"):
        return [name.strip() for name in wanted.split(",") if name.strip()]
    try:
        lines = Path(wanted[1:]).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"--targets {wanted}: the file cannot be read: {error}") from None
    return [line.strip() for line in lines if line.strip()]
