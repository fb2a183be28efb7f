"""docs/accuracy.md, composed from whatever results the work folder holds and from notes.md."""

from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.study.datasets import ceilings
from tests.benchmarks.study.parts import PARTS
from tests.benchmarks.study.results import Result, read_all
from tests.benchmarks.study.summary import summary
from tests.benchmarks.study.tables import (
    ablation_table,
    ceiling_table,
    curve_table,
    grouped,
    pairs_table,
    scores_table,
    sizes_of,
    strong_table,
)

PAGE = Path("docs/accuracy.md")
NOTES = Path(__file__).with_name("notes.md")

INTRODUCTION = """Written by `make study`. Every number is of cell lines that a model had not seen: five
random folds, drawn with seeds that were used for nothing else, or held-out lineages; the same for all
methods. Only targets with sd > 0.1 count. r is the mean over folds of Pearson's r of a target; a target
without an r in any fold counts as 0. RMSE gain is how much smaller the error is than that of the training
mean. NDCG@10 says how well a line's ten strongest dependencies, each less its target's mean, are found.
Intervals come from resampling **cell lines** 1000 times: targets share lines, so resampling targets would
be too narrow. The models stay as they are: what other training lines would have taught them is not in these
intervals. Seconds are those of a machine that did other work, too: docs/benchmarks.md has methods alone."""

WORDS = {
    "levels": (
        "Dependency levels (DepMap 22Q1)",
        "Real screens with three levels (0 weak, 1 dependency, 2 strong) and expression of 535 genes. r with "
        "levels are lower than with a continuous effect.",
    ),
    "chronos": (
        "Continuous gene effect (Chronos, DepMap 24Q4)",
        "A test package's choice of 75 genes, many of them without any effect, with expression of 586 genes: "
        "few targets, so wide intervals.",
    ),
    "breast": (
        "Few lines, nearly all genes (breast)",
        "36 breast lines with expression of some 16 000 genes: what is left with few lines. An r is that of "
        "seven test lines a fold, so single targets say little: those picked by a high r of one method are "
        "lower by the other, whichever picks.",
    ),
    "sim3000": (
        "A simulated release of 3000 genes",
        "1000 lines with planted modifiers, so that the best possible r (the ceiling) is known. What is "
        "planted are few genes a target: the home ground of `modifiers`. `forest` was not run: with so many "
        "genes it takes some ten seconds a target and fold.",
    ),
    "sim18000": (
        "A simulated release of 18 000 genes",
        "The same at the size of a genome.",
    ),
    "lineage": (
        "Lineages never seen",
        "On the levels, each lineage with at least 40 lines is held out in turn; r is within the lineage, so "
        "knowing the lineage helps nothing. No seed draws these folds: they are those that the recipe of "
        "`best` was looked at on, too.",
    ),
    "curve": (
        "More lines",
        "On the levels, with a share of each fold's training lines and the same test lines. A power law "
        "(r = top - drop / lines^exponent) through the four shares is continued to 2000 lines. Its interval "
        "is of resampled lines only. Four points hardly tell exponents apart: the last column has it fixed "
        "at 1 (levels off early) and at 0.05 (nearly a logarithm); that is the uncertainty to go by.",
    ),
    "ablation": (
        "What each part of `best` adds",
        "On the levels, `best` with one part left out at a time.",
    ),
}


def page(work: Path, seeds: Sequence[int]) -> str:
    """The whole page, from results of these fold seeds."""
    kept = {name: _results(name, work, seeds) for name in WORDS}
    compared = {n: (WORDS[n][0], found) for n, found in kept.items() if n not in TABLES}
    tables = [_part(name, work, found) for name, found in kept.items()]
    parts = ["# Accuracy", summary(compared), INTRODUCTION, *_notes("before"), *tables, *_notes("after")]
    return "\n\n".join(part for part in parts if part) + "\n"


def _notes(where: str) -> list[str]:
    """The written part that stands before or after the tables: the halves of notes.md, cut at a line ---."""
    before, _, after = NOTES.read_text(encoding="utf-8").partition("\n---\n")
    return [{"before": before, "after": after}[where].strip()]


def _results(name: str, work: Path, seeds: Sequence[int]) -> list[Result]:
    return [result for result in read_all(work, name) if result.seed in seeds]


def _part(name: str, work: Path, results: Sequence[Result]) -> str:
    if not results:
        return ""
    title, sentence = WORDS[name]
    tables = TABLES.get(name, _compared)(results)
    by_variant = grouped(results)
    if known := ceilings(PARTS[name].dataset, work):
        tables.append("Of the targets with something planted:\n\n" + ceiling_table(by_variant, known))
    elif name not in TABLES and (strong := strong_table(by_variant)):
        tables.append(f"Targets that `kernel` predicts with r > 0.6:\n\n{strong}")
    return "\n\n".join([f"## {title}", sentence, _made_by(results), *tables])


def _compared(results: Sequence[Result]) -> list[str]:
    by_variant, out = grouped(results), []
    for size in sizes_of(by_variant):
        out.append(f"On {size} targets:\n\n{scores_table(by_variant, size)}")
        if pairs := pairs_table(by_variant, size):
            out.append(f"Paired, on the same {size} targets and folds:\n\n{pairs}")
    return out


def _curve(results: Sequence[Result]) -> list[str]:
    lines = sorted({round(result.train_lines) for result in results})
    counted = max(len(result.r) for result in results)
    return [
        f"Mean r of {counted} targets, with {', '.join(map(str, lines))} training lines:\n\n"
        + curve_table(results)
    ]


def _ablation(results: Sequence[Result]) -> list[str]:
    table = ablation_table(results)
    return [table] if table else []


TABLES = {"curve": _curve, "ablation": _ablation}  # parts that compare something else than methods


def _made_by(results: Sequence[Result]) -> str:
    """Commands, seeds, sizes and machines of a part."""
    seeds = ", ".join(map(str, sorted({result.seed for result in results})))
    most = max(len(result.r) for result in results)
    commands = "\n".join(f"    {command}" for command in sorted({result.command for result in results}))
    where = "; ".join(sorted({f"{result.date}, {result.machine}" for result in results}))
    counted = f"{max(result.lines for result in results)} cell lines, {most} targets"
    return f"{counted}; fold seeds {seeds}. {where}. Made by\n\n{commands}"
