"""The tables of docs/accuracy.md, from the results that were kept."""

from collections.abc import Mapping, Sequence

import numpy as np

from tests.benchmarks.study.bootstrap import paired
from tests.benchmarks.study.learning import SHARES, extrapolate
from tests.benchmarks.study.measures import THRESHOLDS
from tests.benchmarks.study.results import Result, Scores
from tests.benchmarks.study.variants import BY_NAME, RIVAL

ByVariant = Mapping[str, Sequence[Result]]  # one result a seed
STRONG = 0.6  # mean fold r of `kernel` from which a target has a strong signal of its own
FULL_LINES, FULL_FOLDS_SHARE = 2000, 0.8  # lines that the learning curve is continued to, and train in a fold


def grouped(results: Sequence[Result], detail: str | None = None) -> dict[str, list[Result]]:
    """Results by variant, in the order of `VARIANTS`; those of one `detail` where it is given."""
    kept = [result for result in results if detail is None or result.detail == detail]
    known = [name for name in BY_NAME if any(result.variant == name for result in kept)]
    return {name: [result for result in kept if result.variant == name] for name in known}


def sizes_of(results: ByVariant) -> list[int]:
    """Numbers of targets that several variants were scored on: the largest, and where others come in."""
    most = {name: min(max(result.scores) for result in mine) for name, mine in results.items()}
    return sorted(set(most.values()), reverse=True)


def covering(results: ByVariant, size: int) -> dict[str, list[Result]]:
    """The variants scored on the first `size` targets, by every seed they have."""
    return {n: list(mine) for n, mine in results.items() if all(size in result.scores for result in mine)}


def scores_table(results: ByVariant, size: int) -> str:
    """One row per variant: means over seeds."""
    above = [f"r > {limit}" for limit in THRESHOLDS]
    head = ["method", "mean r", "median r", *above, "RMSE gain", "NDCG@10", "of ten found", "s a target-fold"]
    rows = [_scores_row(name, mine, size) for name, mine in covering(results, size).items()]
    chance = np.mean([s.scores[size].ndcg_chance for mine in covering(results, size).values() for s in mine])
    below = "" if np.isnan(chance) else f"\n\nNDCG@10 of a random order: {chance:.3f}."
    return markdown(head, rows) + below


def _scores_row(name: str, mine: Sequence[Result], size: int) -> list[str]:
    r = np.array([list(result.r.values())[:size] for result in mine])
    scores = [result.scores[size] for result in mine]
    counts = [f"{(r > limit).sum(axis=1).mean():.0f}" for limit in THRESHOLDS]
    return [
        BY_NAME[name].words,
        f"{_mean(scores, 'mean_r'):.3f}",
        f"{np.median(r, axis=1).mean():.3f}",
        *counts,
        f"{100 * _mean(scores, 'gain'):.1f} %",
        _shown(_mean(scores, "ndcg"), "{:.3f}"),
        _shown(100 * _mean(scores, "found"), "{:.0f} %"),
        f"{np.mean([result.seconds for result in mine]):.4f}",
    ]


def _shown(value: float, form: str) -> str:
    return "" if np.isnan(value) else form.format(value)


def _mean(scores: Sequence[Scores], name: str) -> float:
    return float(np.mean([getattr(each, name) for each in scores]))


def pairs_table(results: ByVariant, size: int, rival: str = RIVAL) -> str:
    """`rival` less each other variant, seed by seed, with intervals over lines; empty without the rival."""
    there = covering(results, size)
    if rival not in there or len(there) < 2:
        return ""
    head = [f"`{rival}` less", "mean r", "95 % over lines", "better for", "seeds"]
    rows = []
    for name, others in there.items():
        if name == rival:
            continue
        mine, theirs = same_seeds(there[rival], others)
        if not mine:
            continue
        found = paired(
            [a.scores[size].mean_r for a in mine],
            [b.scores[size].mean_r for b in theirs],
            [np.array(a.scores[size].draws) for a in mine],
            [np.array(b.scores[size].draws) for b in theirs],
        )
        better = np.mean([_r(a, size) > _r(b, size) for a, b in zip(mine, theirs, strict=True)])
        interval = f"{found.low:+.4f} to {found.high:+.4f}"
        rows.append(
            [
                BY_NAME[name].words,
                f"{found.difference:+.4f}",
                interval,
                f"{100 * better:.0f} %",
                str(len(mine)),
            ]
        )
    return markdown(head, rows)


def strong_table(results: ByVariant, rival: str = RIVAL, base: str = "kernel") -> str:
    """Targets that `base` predicts with r above `STRONG`: what `rival` adds or takes; empty without both."""
    if rival not in results or base not in results:
        return ""
    mine, theirs = same_seeds(results[rival], results[base])
    shared = (
        [name for name in theirs[0].r if all(name in each.r for each in (*mine, *theirs))] if mine else []
    )
    if not shared:
        return ""
    a, b = (np.mean([[each.r[name] for name in shared] for each in part], axis=0) for part in (mine, theirs))
    strong = np.flatnonzero(b > STRONG)
    order = strong[np.argsort((a - b)[strong])]
    if not len(order):
        return ""
    named = [(shared[i], b[i], a[i]) for i in order]
    named.append((f"mean of {len(order)}", b[order].mean(), a[order].mean()))
    rows = [[name, f"{r:.3f}", f"{other:.3f}", f"{other - r:+.3f}"] for name, r, other in named]
    return markdown(["target", f"`{base}`", f"`{rival}`", "difference"], rows)


def curve_table(results: Sequence[Result]) -> str:
    """r at each share of the training lines, and continued to `FULL_LINES` lines."""
    at = FULL_LINES * FULL_FOLDS_SHARE
    details = [f"{round(100 * share)}" for share in SHARES]
    head = [
        "method",
        *(f"{detail} %" for detail in details),
        f"{FULL_LINES} lines",
        "95 % over lines",
        "other shapes",
    ]
    rows = []
    for name, mine in grouped(results).items():
        by_share = [[result for result in mine if result.detail == detail] for detail in details]
        seeds = set.intersection(*({result.seed for result in each} for each in by_share))
        if not seeds:
            continue
        kept = [[result for result in each if result.seed in seeds] for each in by_share]
        lines = [float(np.mean([result.train_lines for result in each])) for each in kept]
        scores = [[result.scores[max(result.scores)] for result in each] for each in kept]
        r = [_mean(each, "mean_r") for each in scores]
        draws = np.array([np.mean([each.draws for each in part], axis=0) for part in scores]).T
        more = extrapolate(lines, r, draws, at)
        interval, others = f"{more.low:.3f} to {more.high:.3f}", f"{more.steep:.3f} to {more.slow:.3f}"
        rows.append([BY_NAME[name].words, *(f"{each:.3f}" for each in r), f"{more.r:.3f}", interval, others])
    return markdown(head, rows) if rows else ""


def ablation_table(results: Sequence[Result]) -> str:
    """`best` less each form of it that lacks a part."""
    whole = [result for result in results if result.detail == "whole"]
    rows = []
    for detail in sorted({result.detail for result in results} - {"whole"}):
        mine, without = same_seeds(whole, [result for result in results if result.detail == detail])
        if not mine:
            continue
        a, b = ([each.scores[max(each.scores)] for each in part] for part in (mine, without))
        found = paired(
            [each.mean_r for each in a],
            [each.mean_r for each in b],
            [np.array(each.draws) for each in a],
            [np.array(each.draws) for each in b],
        )
        rows.append(
            [
                detail.replace("-", " "),
                f"{_mean(b, 'mean_r'):.4f}",
                f"{found.difference:+.4f}",
                f"{found.low:+.4f} to {found.high:+.4f}",
            ]
        )
    return markdown(["left out", "mean r", "the part adds", "95 % over lines"], rows) if rows else ""


def ceiling_table(results: ByVariant, ceilings: Mapping[str, float]) -> str:
    """How much of what was planted each variant finds, over the planted targets it was scored on."""
    rows = []
    for name, mine in results.items():
        planted = [target for target in mine[0].r if target in ceilings]
        others = [target for target in mine[0].r if target not in ceilings]
        if not planted:
            continue
        r = np.mean([[each.r[target] for target in planted] for each in mine], axis=0)
        top = np.array([ceilings[target] for target in planted])
        none = np.mean([[each.r[target] for target in others] for each in mine]) if others else np.nan
        reached, noise = f"{100 * r.mean() / top.mean():.0f} %", f"{none:+.3f}"
        shown = [str(len(planted)), f"{r.mean():.3f}", f"{top.mean():.3f}", reached, noise]
        rows.append([BY_NAME[name].words, *shown])
    head = ["method", "planted targets", "mean r", "ceiling", "reached", "mean r of pure noise"]
    return markdown(head, rows) if rows else ""


def same_seeds(mine: Sequence[Result], others: Sequence[Result]) -> tuple[list[Result], list[Result]]:
    """The results of the seeds that both have, seed by seed."""
    a, b = ({result.seed: result for result in part} for part in (mine, others))
    seeds = sorted(a.keys() & b.keys())
    return [a[seed] for seed in seeds], [b[seed] for seed in seeds]


def _r(result: Result, size: int) -> np.ndarray:
    return np.array(list(result.r.values())[:size])


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
