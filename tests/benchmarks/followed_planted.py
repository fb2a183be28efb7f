"""Are the genes of table `followed` those that were planted? Precision on a simulated release, as Markdown.

    python -m tests.benchmarks.followed_planted [--method best --genes 3000 --lines 400 --seed 12 --keep DIR]

Simulates a release, runs the method (`kernel`) and `modifiers` on 150 targets with planted linear modifiers
and 30 of each other kind (folds of seed 4321), and asks how many of a target's planted modifiers stand among
its first genes when all genes are ranked in several ways: precision at 10 (of a target with k < 10 of them:
at most k can be found, so found / k), and at k, their number.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from cluster import Store, run
from modeling.interpretation.followed import groups_of
from tasks.dataset.dataset import Dataset
from tasks.importing.importer import import_release
from tasks.simulation.simulate import simulate_release

LINEAR, OTHERS = 150, 30  # targets of each kind
KINDS = ("linear", "paralog", "own", "lineage")
FIRST = 10
SEED = 4321  # of the folds


def main() -> None:
    """Simulate, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--method", default="kernel", choices=("kernel", "best"))
    parser.add_argument("--genes", type=int, default=3000)
    parser.add_argument("--lines", type=int, default=400)
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--keep", type=Path, help="work in this folder, and use what lies there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = given.keep or Path(made)
        release, dataset, store = (folder / name for name in ("release", "dataset", "store"))
        if not store.exists():
            simulate_release(release, given.lines, given.genes, seed=given.seed)
            import_release(release, out=dataset)
        classes = pd.read_parquet(release / "truth_targets.parquet")
        run(
            dataset,
            store,
            methods=("modifiers", given.method),
            targets=_sampled(classes, Dataset.open(dataset).targets),
            final=False,
            seed=SEED,
            workers=0,
        )
        truth = pd.read_parquet(release / "truth.parquet")
        found = _precision(Dataset.open(dataset), Store(store), given.method, truth)
    print(f"{given.lines} lines x {given.genes} genes, release seed {given.seed}, method {given.method}\n")
    _print(found.merge(classes[["target", "class"]], on="target"))


def _sampled(classes: pd.DataFrame, targets: list[str]) -> list[str]:
    """Some targets of each planted kind, as the Dataset names them."""
    named = {label.split(" ")[0]: label for label in targets}
    kinds = [classes[classes["class"] == kind] for kind in KINDS]
    counts = [LINEAR if kind == "linear" else OTHERS for kind in KINDS]
    chosen = [rows.sample(min(n, len(rows)), random_state=1) for rows, n in zip(kinds, counts, strict=True)]
    return sorted(named[target] for rows in chosen for target in rows["target"])


def _precision(dataset: Dataset, store: Store, method: str, truth: pd.DataFrame) -> pd.DataFrame:
    """One row per target and ranking: precision at 10 and at k, the target's r and q."""
    symbols = np.array([gene.split(" ")[0] for gene in dataset.genes])
    lineages = groups_of(dataset.lineages)
    line = {name: at for at, name in enumerate(dataset.cell_lines)}
    scores = store.genes().set_index(["method", "target"])
    rows = store.query(
        "SELECT method, target, cell_line, predicted, measured, train_mean"
        " FROM predictions JOIN scores USING (method, target, fold)"
    )
    rows = rows[rows["method"] == method]
    followed, modifiers = store.table("followed"), _modifiers(store)
    out = []
    for target, mine in rows.groupby("target"):
        at = [line[name] for name in mine["cell_line"]]
        expression, groups = dataset.expression[at].astype(float), lineages[at]
        predicted, measured = ((mine[n] - mine["train_mean"]).to_numpy() for n in ("predicted", "measured"))
        kept = followed[(followed["method"] == method) & (followed["target"] == target)].sort_values("rank")
        orders = {
            "`followed`: product of both r": [gene.split(" ")[0] for gene in kept["gene"]],
            "product of both partial r": _order(
                symbols,
                np.maximum(
                    _partial(predicted, expression, groups) * _partial(measured, expression, groups), 0
                ),
            ),
            "r with the prediction": _order(symbols, _r(predicted, expression)),
            "partial r with the prediction": _order(symbols, _partial(predicted, expression, groups)),
            "r with the measured effect": _order(symbols, _r(measured, expression)),
            "table `modifiers` (most folds first)": modifiers.get(target, []),
        }
        symbol = target.split(" ")[0]
        planted = set(truth.loc[truth["target"] == symbol, "modifier"])
        score = scores.loc[method, target]
        for name, order in orders.items():
            top = len(planted.intersection(order[:FIRST])) / min(FIRST, len(planted))
            exact = len(planted.intersection(order[: len(planted)])) / len(planted)
            out.append((symbol, name, top, exact, score["pearson_pooled"], score["q_value"]))
    return pd.DataFrame(out, columns=["target", "ranking", "at_10", "at_k", "r", "q"])


def _r(side: np.ndarray, expression: np.ndarray) -> np.ndarray:
    left, genes = side - side.mean(), expression - expression.mean(axis=0)
    size = np.sqrt((left @ left) * (genes**2).sum(axis=0))
    return np.divide(left @ genes, size, out=np.zeros(len(size)), where=size > 1e-9)


def _partial(side: np.ndarray, expression: np.ndarray, groups: np.ndarray) -> np.ndarray:
    left, genes = side.copy(), expression.copy()
    for group in np.unique(groups):
        here = groups == group
        left[here] -= left[here].mean()
        genes[here] -= genes[here].mean(axis=0)
    return _r(left, genes)


def _order(names: np.ndarray, values: np.ndarray) -> list[str]:
    return list(names[np.argsort(-np.abs(values), kind="stable")[:30]])


def _modifiers(store: Store) -> dict[str, list[str]]:
    """Each target's modifiers, those most folds chose first, then by mean rank."""
    found = store.query(
        "SELECT target, modifier FROM modifiers GROUP BY ALL"
        " ORDER BY target, count(*) DESC, avg(rank), modifier"
    )
    return {
        target: [gene.split(" ")[0] for gene in rows["modifier"]] for target, rows in found.groupby("target")
    }


def _print(found: pd.DataFrame) -> None:
    linear = found["class"] == "linear"
    parts = {
        "linear": linear,
        "linear, q < 0.05": linear & (found["q"] < 0.05),
        "linear, r > 0.3": linear & (found["r"] > 0.3),
        **{kind: found["class"] == kind for kind in KINDS[1:]},
    }
    targets = {name: found[rows]["target"].nunique() for name, rows in parts.items()}
    print("| ranked by | " + " | ".join(f"{name} ({targets[name]})" for name in parts) + " |")
    print("|---" * (len(parts) + 1) + "|")
    for ranking in found["ranking"].unique():
        cells = [
            found[rows & (found["ranking"] == ranking)][["at_10", "at_k"]].mean() for rows in parts.values()
        ]
        print(f"| {ranking} | " + " | ".join(f"{c['at_10']:.2f}, {c['at_k']:.2f}" for c in cells) + " |")


if __name__ == "__main__":
    main()
