"""The store that browser tests look at: two methods, a Dataset with lineages, names that are HTML."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from cluster import Store
from cluster.analyses.records import file_input
from cluster.analyses.writing import keep
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import write_dataset
from tasks.tables.schemas import TABLES
from tests.made_stores import BODY, LINES_PER_FOLD, made_commit, made_writer, units_of

EVIL = "<script>alert(1)</script>"
FOLDS = 4  # so that a lineage has the lines that an r within it needs
TARGETS = (
    "CTNNB1",
    "FAM50A",
    "KRAS",
    "M1",
    "NRAS",
    "SOX10",
    EVIL,
    'quo"te',
    "a/b",
    "none1",
    "flat1",
    "KMT2D",  # once MLL2
    *(f"GENE{n}" for n in range(59)),
)
METHODS = ("modifiers", "ridge")
MODIFIERS = tuple(f"M{n}" for n in range(9))  # all that a made store may name
LINEAGES = ("Breast", "Lung", EVIL)


def explored_store(folder: Path) -> Path:
    """The store, finished, and the Dataset that its runs name."""
    lines = [f"ACH-{fold:02d}{line:04d}" for fold in range(FOLDS) for line in range(LINES_PER_FOLD)]
    generator = np.random.default_rng(0)
    dataset = write_dataset(
        folder / "dataset",
        expression=generator.gamma(2, 1, (len(lines), len(MODIFIERS))).astype(np.float32),
        effect=generator.normal(size=(len(lines), len(TARGETS))).astype(np.float32),
        cell_lines=lines,
        genes=list(MODIFIERS),
        targets=list(TARGETS),
        lineages=[LINEAGES[at % len(LINEAGES)] for at in range(len(lines))],
    )
    folds = [
        {"number": n, "name": f"fold {n}", "n_train": 24, "n_test": LINES_PER_FOLD, "control": False}
        for n in range(FOLDS)
    ]
    body = {**BODY, "measure": "effect", "dataset_hash": dataset.content_hash, "folds": folds}
    writer = made_writer(folder / "store", body)
    for method in METHODS:
        units = units_of(TARGETS, range(FOLDS), method)
        writer.add_plan(units, dataset=str(dataset.path))
        for fold in range(FOLDS):
            made_commit(writer, units_of(TARGETS, [fold], method))
    writer.seal()
    _add_results(StoreReader.open(folder / "store"))
    return folder / "store"


def _add_results(reader: StoreReader) -> None:
    """What `enrich`, `validate` and `tissues` would have kept; one target and one group stand out."""
    counts = {"method": "modifiers", "collection": EVIL, "kind": "paralogs", "targets": 70, "tested": 60}
    counts |= {"with_modifiers": 65, "found": 12, "universe": 900, "draws": 100, "expected": 2.5}
    found = {"method": "modifiers", "of": "modifiers", "target": "KRAS", "collection": EVIL, "size": 9}
    found |= {"gene_set": "RAS", "drawn": 20, "overlap": 3, "expected": 0.2, "p_value": 1e-9, "q_value": 1e-8}
    paralogs = [
        {"collection": "ensembl", "gene": one, "paralog": other}
        for one, other in (("KRAS", "M1"), ("M1", "KRAS"))
    ]
    _keep(
        reader,
        "enrich",
        enrichment_counts=[counts],
        enrichment=[found | {"genes": "NRAS"}],
        paralogs=paralogs,
    )
    new = [
        {
            "method": "ridge",
            "target": target,
            "dataset": "e" * 64,
            "n": 40,
            "pearson": 0.5,
            "pearson_pooled": r,
        }
        for target, r in (("KRAS", 0.6), (EVIL, 0.1))
    ]
    _keep(reader, "validate", validation=new)
    group = {
        "method": "ridge",
        "against": "others",
        "n": 12,
        "n_against": 24,
        "mean": -1.0,
        "mean_against": 0.0,
    }
    group |= {
        "difference": -1.0,
        "effect_size": -2.0,
        "q_value": 1e-6,
        "pearson_pooled": 0.6,
        "stronger": True,
    }
    other = group | {"difference": 0.5, "stronger": False}
    rows = [{"target": target, "group": EVIL} | group for target in ("SOX10", EVIL)]
    _keep(reader, "tissues", tissues=[*rows, {"target": "SOX10", "group": "Lung"} | other])


def _keep(reader: StoreReader, command: str, **tables: list[dict[str, Any]]) -> None:
    made = {}
    for name, rows in tables.items():
        schema = pa.schema([field for field in TABLES[name].schema if field.name != "analysis"])
        made[name] = pa.Table.from_pylist(rows, schema=schema)
    files = {name: file_input(f"{name}.csv", "0" * 64) for name in ("forecast", "groups")}
    keep(reader, command, files | {"by": ""}, made)


SAMPLES = ("tumour 1", EVIL, "zeros")


def made_forecast(folder: Path) -> Path:
    """Predictions of three samples, wide, with intervals and their fit, as `predict` writes them."""
    generator = np.random.default_rng(1)
    index = pd.Index(SAMPLES, name="sample")
    wide = pd.DataFrame(
        generator.normal(size=(len(SAMPLES), len(TARGETS))), index=index, columns=list(TARGETS)
    )
    for name, shift in (("predictions", 0.0), ("predictions.low", -1.0), ("predictions.high", 1.0)):
        (wide + shift).to_csv(folder / f"{name}.csv")
    fit = {"sample": SAMPLES, "nearest_line": "ACH-000001", "nearest_lineage": ["Lung", EVIL, ""]}
    fit |= {"nearest_r": [0.9, 0.8, None], "known_share": [1.0, 0.9, 1.0], "outside_share": [0.01, 0.02, 0.9]}
    fit |= {"flagged": [False, False, True], "why": ["", "", "all values are 0"]}
    pd.DataFrame(fit).to_csv(folder / "predictions.samples.csv", index=False)
    return folder / "predictions.csv"


def long_forecast(folder: Path, store: Path, method: str = "ridge") -> Path:
    """The same, a row for each sample and target, with the trust that a store has in its targets."""
    wide = {end: pd.read_csv(made_forecast(folder).with_suffix(f"{end}.csv"), index_col=0) for end in ENDS}
    rows = wide[""].melt(ignore_index=False, var_name="target", value_name="predicted").reset_index()
    for end in ENDS[1:]:
        rows[end.removeprefix(".")] = wide[end].melt()["value"]
    genes = Store(store).genes().query("method == @method")
    r = genes.set_index("target")["pearson_pooled"]
    rows = rows.assign(percentile=96.25, rank=1, trust=rows["target"].map(r), method=method)
    rows.to_csv(folder / "long.csv", index=False)
    genes[["target", "method", "pearson", "pearson_pooled"]].to_csv(folder / "long.targets.csv", index=False)
    (folder / "predictions.samples.csv").rename(folder / "long.samples.csv")
    return folder / "long.csv"


ENDS = ("", ".low", ".high")
