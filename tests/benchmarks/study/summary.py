"""What docs/accuracy.md says first: `best` beside its closest rival, part by part."""

from collections.abc import Mapping, Sequence

import numpy as np

from tests.benchmarks.study.bootstrap import Interval, paired
from tests.benchmarks.study.results import Result
from tests.benchmarks.study.tables import covering, grouped, markdown, same_seeds, sizes_of
from tests.benchmarks.study.variants import BY_NAME, RIVAL

SIMULATED = ("sim3000", "sim18000")
MEASURES = (
    ("RMSE gain", "gain", lambda value: f"{100 * value:.1f} %"),
    ("NDCG@10", "ndcg", lambda value: f"{value:.3f}"),
)


def summary(parts: Mapping[str, tuple[str, Sequence[Result]]]) -> str:
    """A sentence and a row for each part (title and results); empty where `best` was run in none."""
    rows: list[list[str]] = []
    behind: dict[bool, list[str]] = {False: [], True: []}  # by whether data are simulated
    compared, other = 0, []
    for part, (title, results) in parts.items():
        simulated = part in SIMULATED
        for name, found, size, r in _closest(results):
            rows.append(
                [
                    f"[{title}](#{_anchor(title)})",
                    str(size),
                    f"{r:.3f}",
                    f"{r - found.difference:.3f} ({BY_NAME[name].words})",
                    f"{found.difference:+.4f} ({found.low:+.4f} to {found.high:+.4f})",
                ]
            )
            compared += not simulated
            if found.low <= 0:
                behind[simulated].append(f"{BY_NAME[name].words} ({title}, {size} targets)")
        other += [] if simulated else _behind_otherwise(title, results)
    if not rows:
        return ""
    verdict = (
        "On real data `best` has a higher mean r than every other method on expression alone in "
        f"{compared - len(behind[False])} of {compared} comparisons, its interval above zero."
    )
    verdict += f" Not so against {'; '.join(behind[False])}." if behind[False] else ""
    if behind[True]:
        verdict += (
            f" Where data are simulated, of few genes a target, it is not ahead of {'; '.join(behind[True])}."
        )
    verdict += f" By other measures it is behind on real data in {'; in '.join(other)}." if other else ""
    head = ["data", "targets", "mean r of `best`", "of the closest other", "difference (95 % over lines)"]
    return f"**In short.** {verdict}\n\n{markdown(head, rows)}"


def _closest(results: Sequence[Result]) -> list[tuple[str, Interval, int, float]]:
    """At each size at which a variant comes in: the other on expression alone that is nearest to `best`."""
    by_variant, out = grouped(results), []
    for size in sizes_of(by_variant):
        there = covering(by_variant, size)
        fresh = {
            name: mine
            for name, mine in there.items()
            if name not in (RIVAL, "best_all") and max(mine[0].scores) == size
        }
        if RIVAL not in there or not fresh:
            continue
        found = [(name, *_less(there[RIVAL], others, size)) for name, others in fresh.items()]
        name, difference, r = min(found, key=lambda each: each[1].difference)
        out.append((name, difference, size, r))
    return out


def _behind_otherwise(title: str, results: Sequence[Result]) -> list[str]:
    """Measures but r, as the page rounds them, by which a method on expression alone is ahead of `best`."""
    by_variant = {name: mine for name, mine in grouped(results).items() if name != "best_all"}
    if RIVAL not in by_variant:
        return []
    size = max(by_variant[RIVAL][0].scores)
    there, out = covering(by_variant, size), []
    for words, measure, shown in MEASURES:
        values = {
            name: np.mean([getattr(each.scores[size], measure) for each in mine])
            for name, mine in there.items()
        }
        first = max(values, key=lambda name: (values[name], name == RIVAL))
        mine, theirs = shown(values[RIVAL]), shown(values[first])
        if mine != theirs:
            out.append(f"{words} ({title}: {mine}; {BY_NAME[first].words}: {theirs})")
    return out


def _less(best: Sequence[Result], other: Sequence[Result], size: int) -> tuple[Interval, float]:
    """`best` less another on the seeds of both, and the mean r of `best` there."""
    mine, theirs = same_seeds(best, other)
    a, b = ([each.scores[size] for each in part] for part in (mine, theirs))
    found = paired(
        [each.mean_r for each in a],
        [each.mean_r for each in b],
        [np.array(each.draws) for each in a],
        [np.array(each.draws) for each in b],
    )
    return found, float(np.mean([each.mean_r for each in a]))


def _anchor(title: str) -> str:
    kept = "".join(letter for letter in title.lower() if letter.isalnum() or letter in "- _")
    return kept.replace(" ", "-")
