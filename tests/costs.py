"""Costs of runs by the size of their data, as tests of plans and estimates ask for them."""

from cluster.runs.fields import RunOptions
from cluster.runs.planning import Costs
from tasks.fitting.fold import MethodSettings
from tasks.methods.cost import Cost, DataSize
from tasks.methods.registry import method_named


def costs_of(genes: int, lines: int, drugs: int = 0, preset: str = "quick") -> Costs:
    return Costs(DataSize(genes, lines, drugs), RunOptions(preset=preset))


def cost_of(
    method: str, size: DataSize, candidates: str | tuple[str, ...] = "quick", search: str = "once"
) -> Cost:
    names = candidates if isinstance(candidates, str) else ",".join(candidates)
    options = RunOptions(preset=names, search_architecture=search == "once")
    settings = MethodSettings(method, options.candidates, options.selection, 0, search=options.search)
    return method_named(method).cost(size, settings)
