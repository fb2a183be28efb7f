"""How many core-seconds work takes: what sizes of shards, deadlines and `knockcast plan` are made from.

Measured (docs/benchmarks.md, docs/results.md) on a CPU's core, whatever `--device` is, at 720 training lines
and, where genes count, 18 000 of them. Good to a factor of three where most targets have modifiers and few
lack lines that others have.
"""

from collections.abc import Sequence

from cluster.store.units import SEARCH, Unit
from modeling.candidates.registry import Candidate, candidates_of
from modeling.networks.shared_networks import PLAIN
from modeling.networks.training_state import Schedule
from tasks.drugs.drugs import METHOD as DRUGS
from tasks.methods.forest import GENES as FOREST_GENES
from tasks.methods.forest import NAME as FOREST
from tasks.methods.modifier_counts import MODEL as BOOSTING_ALONE
from tasks.networks.training import NETWORK_METHODS

REFERENCE_GENES, REFERENCE_LINES = 18_000, 720
TRAINING_SHARE = 0.8  # of the cell lines: five folds
ROW_SECONDS = 0.0007  # one target's scores, baselines and rows, by any method
SELECTION_SECONDS, SELECTION_ALL_GENES = 0.0007, 0.0015  # one target: by itself, and what genes add
ONE_MODIFIER = 0.4  # of what boosting takes on some 20
KERNEL_SECONDS = 0.0003  # one target of `ridge` or `kernel`: every penalty, and the forecasts
FOREST_SECONDS = 2.0  # one target of `forest` on all the genes it keeps
PREPARATION_SECONDS = {  # of a fold: what grows with lines cubed, with genes x lines², with genes x lines
    "ridge": (0.06, 0.6, 0.0),
    "kernel": (3.5, 2.5, 0.0),
    FOREST: (0.0, 0.0, 0.3),
} | dict.fromkeys(("modifiers", "one_modifier", "all_modifiers"), (0.0, 0.0, 0.6))
NETWORKS = {  # each of a fold: epochs until it usually stops; seconds of a step, what genes and targets add
    "latent": ((300, 0.003, 0.065, 0.0), (100, 0.002, 0.0, 0.009), (40, 0.008, 0.0, 0.0)),
    PLAIN: ((60, 0.001, 0.0, 0.008),),
}
NETWORK_TARGETS = 4500  # that do so
SEARCHED = 12  # architectures that a search tries
SEARCHED_STEP_SECONDS = 0.02  # what all genes add to a step of a searched network that reads expression
DRUG_SECONDS = 0.1  # one drug in a fold of a dataset of 720 lines: three kernels of its own decomposed
PROFILE_SECONDS, PROFILE_ALL_LINES = 0.0025, 0.0095  # one gene in a fold: by itself, and what 720 lines add


def target_seconds(method: str, candidates: str | Sequence[str], genes: int, lines: int) -> float:
    """Core-seconds of one target in one fold of a dataset so large, the fold's preparation left out.

    `candidates` are a preset or names (`registry.candidates_of`); only `modifiers` reads them.
    """
    wide, long = genes / REFERENCE_GENES, TRAINING_SHARE * lines / REFERENCE_LINES
    if method in NETWORK_METHODS:
        return ROW_SECONDS
    if method in ("ridge", "kernel"):
        return ROW_SECONDS + KERNEL_SECONDS * long**2
    if method == FOREST:
        return ROW_SECONDS + FOREST_SECONDS * min(genes / FOREST_GENES, 1.0) * long
    tried = candidates if method == "modifiers" else BOOSTING_ALONE
    selection = SELECTION_SECONDS + SELECTION_ALL_GENES * wide * long
    share = ONE_MODIFIER if method == "one_modifier" else 1.0
    return ROW_SECONDS + selection + share * _choice_seconds(candidates_of(tried), TRAINING_SHARE * lines)


def _choice_seconds(candidates: Sequence[Candidate], n_lines: float) -> float:
    """A trial of each, and a fit of the winner, whichever it is."""
    return sum(each.fit_seconds(n_lines) for each in candidates) * (1 + 1 / len(candidates))


def preparation_seconds(method: str, genes: int, lines: int) -> float:
    """Core-seconds of preparing one fold for a method's targets; the forecasts of networks cost nothing."""
    wide, long = genes / REFERENCE_GENES, TRAINING_SHARE * lines / REFERENCE_LINES
    cubed, squared, simply = PREPARATION_SECONDS.get(method, (0.0, 0.0, 0.0))
    return cubed * long**3 + squared * wide * long**2 + simply * wide * long


def fold_work_seconds(unit: Unit, genes: int, lines: int, drugs: int, profiled: int, variable: int) -> float:
    """Core-seconds of work on a fold as a whole.

    Networks are taken to stop when they usually do. `profiled` genes have an effect and their own expression;
    `variable` targets are forecast by shared networks.
    """
    if unit.method == DRUGS:
        return max(1.0, DRUG_SECONDS * drugs * (lines / REFERENCE_LINES) ** 3)
    if unit.method not in NETWORK_METHODS:
        return profiled * (PROFILE_SECONDS + PROFILE_ALL_LINES * lines / REFERENCE_LINES)
    wide, high = genes / REFERENCE_GENES, variable / NETWORK_TARGETS
    *coders, last = [
        epochs * (step + more * wide + most * high) for epochs, step, more, most in NETWORKS[unit.method]
    ]
    if unit.work == SEARCH:
        epochs = NETWORKS[unit.method][-1][0]
        more = SEARCHED_STEP_SECONDS * wide if unit.method == PLAIN else 0.0
        last = SEARCHED * (last + epochs * more)
    return (sum(coders) + last) * TRAINING_SHARE * lines / Schedule().batch
