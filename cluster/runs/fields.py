"""Every option of a run, declared once: its type, default, limits, help, group and flag.

The command line (`cluster.cli.run`), Python's `run`, run.json and the workers all take them from here.
Nothing heavy is imported with this module, because `knockcast --help` is made from it.
"""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.config import JsonDict

from tasks.methods import DEFAULT_METHODS

if TYPE_CHECKING:
    from modeling.selection.select import SelectionSettings
    from tasks.fitting.fold import Search

METHODS = "{methods}"  # in an option's help: every method and what it is, filled in when help is shown
CODE_REDUNDANCY = 0.95  # of the published code, whatever its paper says

WHAT, RESULTS, WHERE = "What is modelled", "What decides the results", "Where and how: changes no result"
GROUPS = (WHAT, RESULTS, WHERE)


def _option(default: Any, help_text: str, group: str, flag: str | None = None, **limits: Any) -> Any:
    """A field with what the command line says of it; `flag` where it is not the field's name."""
    extra: JsonDict = {"group": group, **({"flag": flag} if flag else {})}
    return Field(default, description=help_text, json_schema_extra=extra, **limits)


class RunOptions(BaseModel):
    """All that `run`, `plan` and `resume` take beside a dataset and a store.

    Methods, targets and final say which units are wanted; the second group is part of run.json, because it
    decides results; the third never changes a result. Make one with `options.checked_options`, which names
    every value that cannot be used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    methods: tuple[str, ...] = _option(
        DEFAULT_METHODS,
        f"What is modelled; repeatable. {METHODS}",
        WHAT,
        "--method",
    )
    targets: str | tuple[str, ...] = _option(
        "all", "all | variable (sd > 0.1) | G1,G2 | @FILE with one a line.", WHAT
    )
    final: bool = _option(True, "Also fit on all lines, for predict.", WHAT)

    preset: str = _option("quick", "quick | careful | published, or candidates by name: ols,knn.", RESULTS)
    scheme: Literal["kfold", "split", "lineage"] = _option(
        "kfold", "kfold | split (75/25) | lineage (each with 40 or more lines).", RESULTS
    )
    folds: int = _option(5, "Folds of scheme kfold.", RESULTS, ge=2, le=1000)
    seed: int = _option(0, "Every random choice follows from it.", RESULTS, ge=0, lt=2**63)
    top: int = _option(20, "Modifiers kept by each of the three tests, at most.", RESULTS, ge=1, le=1000)
    fdr: float = _option(0.05, "Benjamini-Hochberg threshold of each test.", RESULTS, gt=0, lt=1)
    redundancy: float | None = _option(
        None, "Drop a modifier whose |r| with a chosen one reaches this.", RESULTS, gt=0, le=1
    )
    like_the_code: bool = _option(
        False, "Select as the published code: no FDR, mean split, redundancy 0.95.", RESULTS
    )
    search_architecture: bool = _option(
        False,
        "Of methods latent and plain: try up to 12 architectures on the first fold, keep the best in all. "
        "Not nested: that fold's training lines are other folds' test lines.",
        RESULTS,
    )
    nested_search: bool = _option(False, "The same in every fold, on its own training lines.", RESULTS)
    inputs: Literal["expression", "all"] = _option(
        "expression",
        "expression | all: mutations, copy number, protein and covariates too, where the dataset has them.",
        RESULTS,
    )
    device: Literal["auto", "cpu", "cuda"] = _option(
        "auto", "auto: cuda where torch sees a GPU here | cpu | cuda.", RESULTS
    )
    stratified: bool = _option(
        False, "Quantile-stratified folds of each target's own; forest alone.", RESULTS
    )

    shard_size: int | None = _option(
        None, "Targets a shard; estimated if not given. A resume remembers it.", WHERE, ge=1
    )
    address: str = _option("local", "local | auto | HOST:PORT of a Ray cluster.", WHERE)
    workers: int | None = _option(
        None, "Ray workers; 0 runs in process without Ray. Default: all cores.", WHERE, ge=0
    )
    if_busy: Literal["wait", "leave", "join"] = _option(
        "wait",
        "Where another driver works on the same methods: wait for it | leave (exit code 5) | join it.",
        WHERE,
    )
    log: str | None = _option(
        None,
        "Append each event of the run to this file, as JSON lines: run, shard, targets, attempt.",
        WHERE,
    )
    insecure: bool = _option(False, "Allow a non-loopback address without a token.", WHERE)

    @field_validator("methods", mode="before")
    @classmethod
    def _each_once(cls, given: Any) -> Any:
        """One method may be given by its name alone; one given twice counts once."""
        return (given,) if isinstance(given, str) else tuple(dict.fromkeys(given))

    @field_validator("targets", mode="before")
    @classmethod
    def _any_sequence(cls, given: Any) -> Any:
        """Any sequence of names will do: a list, a column of a frame."""
        return given if isinstance(given, str) else tuple(given)

    @property
    def candidates(self) -> str | tuple[str, ...]:
        """The preset's name, or the candidates named one by one (`ols,knn`, or `ols` alone)."""
        from modeling.candidates.registry import known_candidates  # noqa: PLC0415 - heavy; see the module's docstring

        names = tuple(name.strip() for name in self.preset.split(","))
        return names if len(names) > 1 or names[0] in known_candidates() else names[0]

    @property
    def runs_on(self) -> str:
        """`cuda` or `cpu`: never `auto`, which `devices` settles before a run begins."""
        return "cuda" if self.device == "cuda" else "cpu"

    @property
    def search(self) -> "Search":
        """How the architecture of shared networks is searched for."""
        return "nested" if self.nested_search else "once" if self.search_architecture else "none"

    @property
    def selection(self) -> "SelectionSettings":
        """How modifiers are selected: as the paper writes, or as its published code does."""
        from modeling.selection.select import SelectionSettings  # noqa: PLC0415 - heavy, like the candidates

        if self.like_the_code:
            return SelectionSettings(top=self.top, fdr=None, redundancy=CODE_REDUNDANCY, cut="mean")
        return SelectionSettings(top=self.top, fdr=self.fdr, redundancy=self.redundancy)

    @property
    def is_here(self) -> bool:
        """Whether the work is done on this machine, in process or by a Ray of its own."""
        return self.address == "local" or self.workers == 0


def group_of(name: str) -> str:
    """The group of an option, one of `GROUPS`."""
    return str(_extra(name)["group"])


def flag_of(name: str) -> str:
    """How the command line names an option: `--shard-size`."""
    return str(_extra(name).get("flag", f"--{name.replace('_', '-')}"))


def names_in(*groups: str) -> list[str]:
    """The options of these groups, in the order they are declared."""
    return [name for name in RunOptions.model_fields if group_of(name) in groups]


def _extra(name: str) -> dict[str, Any]:
    extra = RunOptions.model_fields[name].json_schema_extra
    return dict(extra) if isinstance(extra, dict) else {}
