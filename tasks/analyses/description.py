"""What a Dataset holds, in numbers: shapes, gaps, classes of targets, lineages, further inputs."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow.compute as pc

from modeling.folds import lineage_sizes
from tasks.dataset.checks import range_in_words
from tasks.dataset.dataset import Dataset
from tasks.dataset.target_facts import NEAR_0, NEAR_1, VARIABLE, target_facts

TILE = 512  # columns at a time: a genome's matrices stay on the disk


def description(dataset: Dataset) -> dict[str, Any]:
    """Plain values by name, as JSON holds them.

    `effect.missing_share` is of all cells; `targets.classes` are those of `target_facts` ("" where a target
    has no value). Constant genes say nothing to any model. `warnings` are those of the import.
    """
    facts = target_facts(dataset)
    classes = Counter(facts.column("class").to_pylist())
    missing = np.zeros((2, max(len(dataset.cell_lines), len(dataset.targets))), dtype=np.int64)
    for start in range(0, len(dataset.targets), TILE):
        gaps = np.isnan(dataset.effect[:, start : start + TILE])
        missing[0, : len(gaps)] += gaps.sum(axis=1)
        missing[1, start : start + gaps.shape[1]] = gaps.sum(axis=0)
    by_line, by_target = missing[0, : len(dataset.cell_lines)], missing[1, : len(dataset.targets)]
    cells = dataset.effect.shape[0] * dataset.effect.shape[1]
    return {
        "dataset": str(dataset.path),
        "content_hash": dataset.content_hash,
        "cell_lines": len(dataset.cell_lines),
        "lineages": dict(lineage_sizes(dataset.lineages)),
        "without_lineage": sum(not name for name in dataset.lineages),
        "genes": {
            "count": len(dataset.genes),
            "constant": _constant(dataset.expression),
            "values": range_in_words(dataset.expression),
        },
        "targets": {
            "count": len(dataset.targets),
            "measure": dataset.measure,
            "classes": {name: classes.get(name, 0) for name in (VARIABLE, NEAR_0, NEAR_1)},
            "without_value": classes.get("", 0),
            "own_expression": int(pc.sum(facts.column("own_expression")).as_py() or 0),
        },
        "effect": {
            "missing": int(by_line.sum()),
            "missing_share": float(by_line.sum() / cells) if cells else 0.0,
            "targets_with_gaps": int((by_target > 0).sum()),
            "lines_with_gaps": int((by_line > 0).sum()),
            "most_missing_lines": {
                dataset.cell_lines[i]: int(by_line[i])
                for i in np.argsort(-by_line, kind="stable")[:5]
                if by_line[i]
            },
        },
        "layers": {
            layer.name: {"lines": int(layer.measured.sum()), "features": len(layer.features)}
            for layer in dataset.layers
        },
        "drugs": _drugs(dataset),
        "files": [source.get("name", "") for source in dataset.sources],
        "warnings": list(dataset.report.get("warnings", [])),
    }


def _constant(values: np.ndarray) -> int:
    tiles = (values[:, start : start + TILE] for start in range(0, values.shape[1], TILE))
    return sum(int((tile == tile[:1]).all(axis=0).sum()) for tile in tiles)


def _drugs(dataset: Dataset) -> dict[str, int]:
    if dataset.drug_response is None:
        return {}
    known = ~np.isnan(np.asarray(dataset.drug_response))
    return {"count": len(dataset.drugs), "lines": int(known.any(axis=1).sum()), "values": int(known.sum())}
