"""Costs of runs by the size of their data, as tests of plans and estimates ask for them."""

from cluster.runs.fields import RunOptions
from cluster.runs.planning import Costs
from modeling.selection.select import SelectionSettings
from tasks.fitting.fold import MethodSettings
from tasks.methods.cost import Cost, DataSize
from tasks.methods.method import TARGETS, FoldTask
from tasks.methods.registry import method_named, method_names


def costs_of(genes: int, lines: int, drugs: int = 0, preset: str = "quick") -> Costs:
    return Costs(DataSize(genes, lines, drugs), RunOptions(preset=preset))


def cost_of(
    method: str, size: DataSize, candidates: str | tuple[str, ...] = "quick", search: str = "once"
) -> Cost:
    names = candidates if isinstance(candidates, str) else ",".join(candidates)
    options = RunOptions(preset=names, search_architecture=search == "once")
    settings = MethodSettings(method, options.candidates, options.selection, 0, search=options.search)
    return method_named(method).cost(size, settings)


def prepared_from_data() -> list[str]:
    """The methods that prepare a fold from the panel alone, without work committed before."""
    return [
        name
        for name in method_names()
        if method_named(name).fits == "targets"
        and not method_named(name).dependencies(
            FoldTask(TARGETS, 0), MethodSettings(name, "quick", SelectionSettings(), 0)
        )
    ]
