"""The methods and presets that are compared, by configuration: naming a new one here is all it takes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modeling.candidates.registry import PRESETS
from tasks.dataset.dataset import Dataset
from tasks.dataset.target_facts import VARIABLE, target_facts
from tasks.methods.registry import is_known

SAMPLED_WITH = 20261129  # seed of the random order of targets whose beginning is every sample
SUBSETS = (120, 400, 1000)  # samples that every variant is also scored on, where it covers them


@dataclass(frozen=True)
class Variant:
    """One configuration. `most` targets are modelled at most, the first of the random order, where set."""

    name: str
    words: str
    method: str
    options: dict[str, Any] = field(default_factory=dict)
    most: int | None = None

    @property
    def missing(self) -> str:
        """Why it cannot run here; empty if it can."""
        if not is_known(self.method):
            return f"no method {self.method}"
        preset = self.options.get("preset")
        return f"no preset {preset}" if preset and preset not in PRESETS else ""


VARIANTS = (
    Variant("quick", "`modifiers`, preset quick", "modifiers", {"preset": "quick"}),
    Variant("published", "`modifiers`, preset published", "modifiers", {"preset": "published"}, most=400),
    Variant("careful", "`modifiers`, preset careful", "modifiers", {"preset": "careful"}, most=1000),
    Variant("ridge", "`ridge`", "ridge"),
    Variant("kernel", "`kernel`", "kernel"),
    Variant("reduced_rank", "`reduced_rank`", "reduced_rank"),
    Variant("forest", "`forest`", "forest", most=120),
    Variant("latent", "`latent`", "latent"),
    Variant("plain", "`plain`", "plain"),
    Variant("best", "`best`", "best"),
    Variant("best_all", "`best`, all inputs", "best", {"inputs": "all"}),
)
BY_NAME = {variant.name: variant for variant in VARIANTS}
RIVAL = "best"  # every other variant is compared with it, or with the first that was run


def ordered_targets(dataset: Dataset) -> list[str]:
    """The variable targets in the random order; a sample is its beginning."""
    facts = target_facts(dataset)
    pairs = zip(facts.column("target").to_pylist(), facts.column("class").to_pylist(), strict=True)
    variable = sorted(name for name, kind in pairs if kind == VARIABLE)
    return [variable[i] for i in np.random.default_rng(SAMPLED_WITH).permutation(len(variable))]


def targets_of(variant: Variant, order: Sequence[str], asked: int | None) -> list[str]:
    """The targets to model: all of the order, or as many as asked and the variant allows."""
    most = min(asked or len(order), variant.most or len(order))
    return list(order[:most])
