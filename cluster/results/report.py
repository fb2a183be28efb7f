"""What a whole run came to, as numbers: what `knockcast report` says in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cluster.answers.status import status_of, unfinished
from cluster.results.compare import Comparison, compare
from cluster.store.reader import StoreReader
from cluster.views.genes import genes_table
from cluster.views.ranking import ranking_table
from cluster.views.shards import failures_table, shards_table
from tasks.errors import BadInputError

BARS = (0.2, 0.4)  # the r that targets are counted above
SIGNIFICANT = 0.05
VARIABLE_SD = 0.1
BEST = 20


@dataclass(frozen=True, eq=False)
class Report:
    """`headlines`: a row per method. `best`: the targets with the highest gain by the best method.

    `compared`: the best method against each other one. `controls`: method, and means of the real, shuffled,
    lineage, own and confounder r. `ranking`: method and means of the table `ranking`. `work`: method, shards,
    core seconds. `run` is run.json. `unfinished` says how far a run is that is not finished.
    """

    run: Mapping[str, Any]
    genes: pd.DataFrame
    headlines: pd.DataFrame
    best_method: str
    best: pd.DataFrame
    models: pd.DataFrame
    compared: tuple[Comparison, ...]
    controls: pd.DataFrame
    ranking: pd.DataFrame
    statuses: pd.DataFrame
    failures: pd.DataFrame
    missing: int
    work: pd.DataFrame
    unfinished: str


def report_of(reader: StoreReader, genes: pd.DataFrame | None = None) -> Report:
    """The numbers of a report; `genes`: the table, where it is known already."""
    known = genes_table(reader).to_pandas() if genes is None else genes
    head = headlines(known)
    best = str(head["method"].iloc[0]) if len(head) else ""
    wanted = reader.wanted_units()
    status = status_of(reader)
    return Report(
        run=reader.run,
        genes=known,
        headlines=head,
        best_method=best,
        best=_best(known, best),
        models=_models(known),
        compared=tuple(_compared(reader, best, head["method"].tolist()[1:])) if len(head) else (),
        controls=_controls(known),
        ranking=_ranking(reader),
        statuses=_statuses(reader),
        failures=failures_table(reader).to_pandas(),
        missing=len(wanted - reader.committed_units().keys()),
        work=_work(reader),
        unfinished=unfinished(status.committed, status.wanted, status.left),
    )


def headlines(genes: pd.DataFrame) -> pd.DataFrame:
    """Of each method, the best first: targets, mean and median r, counts above `BARS`, and of gains.

    A target's r is its mean over the folds, 0 without any, as both papers count; `variable, r > 0.2` counts
    those with a standard deviation above 0.1, the first paper's number.
    """
    rows = []
    for method, part in genes.groupby("method", sort=True):
        r = part["pearson"].fillna(0)
        row: dict[str, Any] = {
            "method": method,
            "targets": len(part),
            "mean r": r.mean(),
            "median r": r.median(),
        }
        row |= {f"r > {bar}": int((r > bar).sum()) for bar in BARS}
        row[f"variable, r > {BARS[0]}"] = int(((r > BARS[0]) & (part["sd"] > VARIABLE_SD)).sum())
        row["q < 0.05"] = int((part["q_value"] < SIGNIFICANT).sum())
        row["gain > 0"] = int((part["gain"] > 0).sum())
        row["gain > 0.1"] = int((part["gain"] > 0.1).sum())
        rows.append(row)
    frame = pd.DataFrame(rows)
    return frame.sort_values("mean r", ascending=False, kind="stable", ignore_index=True) if rows else frame


def _best(genes: pd.DataFrame, method: str) -> pd.DataFrame:
    mine = genes[genes["method"] == method].sort_values(["gain", "target"], ascending=[False, True])
    columns = [
        "target",
        "class",
        "pearson_pooled",
        "pearson_low",
        "pearson_high",
        "q_value",
        "pearson_lineage",
    ]
    return mine[[*columns, "pearson_own", "gain", "model"]].head(BEST).reset_index(drop=True)


def _models(genes: pd.DataFrame) -> pd.DataFrame:
    known = genes.dropna(subset="model")
    grouped = (
        known.groupby(["method", "model"], sort=True)["pearson_pooled"].agg(["size", "mean"]).reset_index()
    )
    grouped.columns = pd.Index(["method", "model", "targets", "mean r"])
    return grouped.sort_values(
        ["method", "targets", "model"], ascending=[True, False, True], ignore_index=True
    )


def _compared(reader: StoreReader, best: str, others: list[str]) -> list[Comparison]:
    found = []
    for other in others:
        try:
            found.append(compare(reader.fs.name, best, other))
        except BadInputError:  # no target that both score
            continue
    return found


def _controls(genes: pd.DataFrame) -> pd.DataFrame:
    names = {
        "pearson_pooled": "model",
        "pearson_permuted": "shuffled within lineages",
        "pearson_lineage": "lineage alone",
        "pearson_own": "own expression alone",
        "pearson_confounders": "covariates alone",
    }
    means = genes.groupby("method", sort=True)[list(names)].mean().rename(columns=names).reset_index()
    q = genes.groupby("method", sort=True)["q_permuted"].agg(lambda values: int((values < SIGNIFICANT).sum()))
    means["significant within lineages (q < 0.05)"] = q.to_numpy()
    return means.dropna(axis=1, how="all")


def _ranking(reader: StoreReader) -> pd.DataFrame:
    rows = ranking_table(reader).to_pandas()
    columns = ["ndcg", "ndcg_lineage", "ndcg_chance", "found", "found_lineage"]
    if rows.empty or rows["ndcg"].isna().all():
        return pd.DataFrame()
    return rows.groupby("method", sort=True)[columns].mean().reset_index()


def _statuses(reader: StoreReader) -> pd.DataFrame:
    rows = reader.table("scores", ["method", "target", "fold", "status"]).to_pandas()
    counted = rows.groupby(["method", "status"], sort=True).size().unstack(fill_value=0).reset_index()
    return counted.rename_axis(columns=None)


def _work(reader: StoreReader) -> pd.DataFrame:
    shards = shards_table(reader).to_pandas()
    done = shards[shards["state"] == "committed"]
    grouped = done.groupby("method", sort=True).agg(
        shards=("shard", "count"), units=("units", "sum"), seconds=("seconds", "sum"), bytes=("bytes", "sum")
    )
    grouped["core-minutes"] = grouped["seconds"] / 60
    grouped["MiB"] = grouped["bytes"].astype(np.float64) / 2**20
    return grouped.reset_index()[["method", "shards", "units", "core-minutes", "MiB"]]
