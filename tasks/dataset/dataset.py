"""The Dataset: one imported release as aligned, memory-mapped float32 matrices with a content hash."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Int64

from tasks.dataset import format as files
from tasks.dataset.gene_labels import own_columns, parse_gene_label
from tasks.dataset.layers import Layer, array_of, in_order, read_layers, write_layers
from tasks.errors import BadInputError

MEASURES = ("effect", "dependency", "level")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Expression and effect of the same cell lines, rows in the same order.

    `expression` is dense; `effect` is NaN where it was not measured. `measure` is what the effect means:
    "effect" (CERES or Chronos: 0 none, −1 common essential), "dependency" (probability) or "level" (ordinal);
    for the last two, higher means more essential. `lineages` are "" where unknown. `genes` and `targets` are
    unique labels; their Entrez ids are 0 where unknown. `own` is each target's column in `genes`, −1 where it
    has none. `drug_response` is NaN for lines without one; `drugs` and `layers` are empty, drug parts are
    None, where none were imported. `report` lists what the import set aside and why. `file_hashes` has the
    sha256 of each file by name; nothing in Datasets of releases before 0.2.
    """

    path: Path
    content_hash: str
    measure: str
    cell_lines: list[str]
    lineages: list[str]
    genes: list[str]
    gene_entrez: Int64[np.ndarray, " genes"]
    targets: list[str]
    target_entrez: Int64[np.ndarray, " targets"]
    expression: Float32[np.ndarray, "cell_lines genes"]
    effect: Float32[np.ndarray, "cell_lines targets"]
    own: Int64[np.ndarray, " targets"]
    report: dict[str, Any]
    sources: list[dict[str, Any]]
    cell_line_table: pa.Table
    drugs: list[str] = field(default_factory=list)
    drug_response: Float32[np.ndarray, "cell_lines drugs"] | None = None
    drug_targets: pa.Table | None = None
    layers: tuple[Layer, ...] = ()
    file_hashes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path | str) -> "Dataset":
        """Opens a Dataset folder; the matrices stay on the disk until they are used.

        Raises:
            BadInputError: missing, damaged, or written by a newer version. `verify` re-hashes
                the matrices too.
        """
        folder = Path(path)
        body = files.unseal(folder / files.BODY)
        _require_unchanged(folder, {n: h for n, h in body.get("files", {}).items() if n.endswith(".parquet")})
        lines = files.read_table(folder / "cell_lines.parquet", ("cell_line", "lineage"))
        genes, targets = (files.read_genes(folder / f"{name}.parquet") for name in ("genes", "targets"))
        drugs = []
        if body["drugs"]:
            drugs = files.read_table(folder / "drugs.parquet", ("drug",)).column("drug").to_pylist()
        dataset = cls(
            path=folder,
            content_hash=body["content_hash"],
            measure=body["measure"],
            cell_lines=lines.column("cell_line").to_pylist(),
            lineages=lines.column("lineage").to_pylist(),
            genes=list(genes.labels),
            gene_entrez=genes.entrez,
            targets=list(targets.labels),
            target_entrez=targets.entrez,
            expression=files.read_array(folder / "expression.npy"),
            effect=files.read_array(folder / "effect.npy"),
            own=own_columns(targets, genes),
            report=body["report"],
            sources=body["sources"],
            cell_line_table=lines,
            drugs=drugs,
            drug_response=files.read_array(folder / "drug_response.npy") if drugs else None,
            drug_targets=files.read_table(folder / "drug_targets.parquet") if body["drug_targets"] else None,
            layers=read_layers(folder, body.get("layers", [])),
            file_hashes=body.get("files", {}),
        )
        _require_shapes(dataset)
        return dataset

    def verify(self) -> None:
        """Hashes every file again; BadInputError where one is not as it was written.

        Of Datasets of releases before 0.2, ids and matrices alone are hashed.
        """
        _require_unchanged(self.path, self.file_hashes)
        if not self.file_hashes and _hash_of(self) != self.content_hash:
            raise BadInputError(
                f"{self.path}: its matrices or ids changed since it was written (content hash differs); "
                "import the release again"
            )


def write_dataset(
    out: Path | str,
    *,
    expression: Float32[np.ndarray, "cell_lines genes"],
    effect: Float32[np.ndarray, "cell_lines targets"],
    cell_lines: Sequence[str],
    genes: Sequence[str],
    targets: Sequence[str],
    measure: str = "effect",
    lineages: Sequence[str] | None = None,
    gene_entrez: Sequence[int] | Int64[np.ndarray, " genes"] | None = None,
    target_entrez: Sequence[int] | Int64[np.ndarray, " targets"] | None = None,
    cell_line_table: pa.Table | None = None,
    drugs: Sequence[str] = (),
    drug_response: Float32[np.ndarray, "cell_lines drugs"] | None = None,
    drug_targets: pa.Table | None = None,
    layers: Sequence[Layer] = (),
    sources: Sequence[Mapping[str, Any]] = (),
    report: Mapping[str, Any] | None = None,
) -> Dataset:
    """Writes a Dataset folder, whole or not at all, and opens it.

    `cell_line_table` may add columns (names and the like), its rows in the order of `cell_lines`.

    Raises:
        BadInputError: `out` exists.
        ValueError: the parts do not fit together (shapes, double labels, an expression with gaps).
        OSError: the disk; nothing is left behind.
    """
    files.refuse_existing(Path(out))
    unknown_lineages = [""] * len(cell_lines)
    dataset = Dataset(
        path=Path(out),
        content_hash="",
        measure=measure,
        cell_lines=list(cell_lines),
        lineages=unknown_lineages if lineages is None else list(lineages),
        genes=list(genes),
        gene_entrez=_entrez(genes, gene_entrez),
        targets=list(targets),
        target_entrez=_entrez(targets, target_entrez),
        expression=files.tidy(expression),
        effect=files.tidy(effect),
        own=np.empty(0, dtype=np.int64),  # not stored: found again on opening
        report=dict(report or {}),
        sources=[dict(source) for source in sources],
        cell_line_table=pa.table({}) if cell_line_table is None else cell_line_table,
        drugs=list(drugs),
        drug_response=None if drug_response is None else files.tidy(drug_response),
        drug_targets=drug_targets,
        layers=in_order(layers),
    )
    _require_usable(dataset)
    with files.new_folder(dataset.path) as folder:
        _write_files(dataset, folder)
    return Dataset.open(dataset.path)


def _require_unchanged(folder: Path, hashes: Mapping[str, str]) -> None:
    for name, digest in hashes.items():
        if files.file_hash(folder / name) != digest:
            raise BadInputError(
                f"{folder / name}: changed since it was written (its content hash differs); "
                "import the release again"
            )


def _entrez(labels: Sequence[str], given: Sequence[int] | np.ndarray | None) -> np.ndarray:
    if given is None:
        given = [parse_gene_label(label).entrez for label in labels]
    return np.asarray(given, dtype=np.int64)


def _write_files(dataset: Dataset, folder: Path) -> None:
    names = dataset.cell_line_table
    lines = pa.table({"cell_line": dataset.cell_lines, "lineage": dataset.lineages})
    for column in names.column_names:
        if column not in lines.column_names:
            lines = lines.append_column(column, names.column(column))
    files.write_table(folder / "cell_lines.parquet", lines)
    files.write_table(folder / "genes.parquet", files.genes_table(dataset.genes, dataset.gene_entrez))
    files.write_table(folder / "targets.parquet", files.genes_table(dataset.targets, dataset.target_entrez))
    files.write_array(folder / "expression.npy", dataset.expression)
    files.write_array(folder / "effect.npy", dataset.effect)
    if dataset.drug_response is not None:
        files.write_array(folder / "drug_response.npy", dataset.drug_response)
        files.write_table(folder / "drugs.parquet", pa.table({"drug": dataset.drugs}))
    if dataset.drug_targets is not None:
        files.write_table(folder / "drug_targets.parquet", dataset.drug_targets)
    write_layers(folder, dataset.layers)
    hashes = {path.name: files.file_hash(path) for path in sorted(folder.iterdir())}
    files.write_bytes(folder / files.BODY, files.seal(_body(dataset) | {"files": hashes}))


def _body(dataset: Dataset) -> dict[str, Any]:
    body = {
        "format": files.WITH_LAYERS if dataset.layers else files.WITHOUT_LAYERS,
        "content_hash": _hash_of(dataset),
        "measure": dataset.measure,
        "drugs": dataset.drug_response is not None,
        "drug_targets": dataset.drug_targets is not None,
        "sources": dataset.sources,
        "report": dataset.report,
    }
    return body | ({"layers": [layer.name for layer in dataset.layers]} if dataset.layers else {})


def _hash_of(dataset: Dataset) -> str:
    """Layers enter only where there are some: others keep the hash that older releases gave them."""
    ids: dict[str, Any] = {
        "measure": dataset.measure,
        "cell_lines": dataset.cell_lines,
        "lineages": dataset.lineages,
        "genes": dataset.genes,
        "gene_entrez": dataset.gene_entrez.tolist(),
        "targets": dataset.targets,
        "target_entrez": dataset.target_entrez.tolist(),
        "drugs": dataset.drugs,
        "drug_targets": None if dataset.drug_targets is None else dataset.drug_targets.to_pylist(),
    }
    arrays = {"expression": dataset.expression, "effect": dataset.effect}
    if dataset.drug_response is not None:
        arrays["drug_response"] = dataset.drug_response
    if dataset.layers:
        ids["layers"] = [[layer.name, list(layer.features)] for layer in dataset.layers]
        arrays |= {array_of(layer.name): layer.values for layer in dataset.layers}
    return files.content_hash(ids, arrays)


def _require_usable(dataset: Dataset) -> None:
    if dataset.measure not in MEASURES:
        raise ValueError(f"measure is {dataset.measure!r}; expected one of {', '.join(MEASURES)}")
    if mismatch := _misfit(dataset):
        raise ValueError(mismatch)
    for name in ("cell_lines", "genes", "targets", "drugs"):
        labels = getattr(dataset, name)
        if len(set(labels)) != len(labels):
            raise ValueError(f"{name} holds a label twice")
    if not np.isfinite(dataset.expression).all():
        raise ValueError("expression has missing or infinite values; it must be dense")
    if np.isinf(dataset.effect).any():
        raise ValueError("effect has infinite values; missing ones are NaN")


def _require_shapes(dataset: Dataset) -> None:
    if mismatch := _misfit(dataset):
        raise BadInputError(f"{dataset.path}: damaged: {mismatch}; import the release again")


def _misfit(dataset: Dataset) -> str:
    """What does not fit, in words; empty where the parts fit together."""
    lines = len(dataset.cell_lines)
    wanted = {"expression": (lines, len(dataset.genes)), "effect": (lines, len(dataset.targets))}
    if dataset.drug_response is not None or dataset.drugs:
        wanted["drug_response"] = (lines, len(dataset.drugs))
    held = {name: getattr(dataset, name) for name in wanted}
    for layer in dataset.layers:
        wanted[array_of(layer.name)] = (lines, len(layer.features))
        held[array_of(layer.name)] = layer.values
    for name, shape in wanted.items():
        found = np.shape(held[name])
        if found != shape:
            return f"{name} is {found}, but its ids give {shape}"
    if len(dataset.lineages) != lines or len(dataset.gene_entrez) != len(dataset.genes):
        return "lineages or Entrez ids are not as many as their ids"
    return ""
