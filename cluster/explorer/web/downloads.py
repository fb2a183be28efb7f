"""What is fetched rather than laid out: the gene table's rows for the grid, and tables as files."""

import gzip
import json
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from flask import Flask, Response, abort, request

from cluster.explorer.data import COLUMNS, StoreData
from cluster.formats import frame_bytes
from cluster.store.reader import StoreReader
from cluster.views.cell_lines import predictions_table

TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
OF_GENE = ("predictions", "modifiers", "scores")
DIGITS = 6  # significant ones, that the grid gets; files have all


def add_downloads(server: Flask, data: StoreData) -> None:
    """Add the addresses below `/data` to the server."""

    @lru_cache(maxsize=16)
    def packed(method: str, state: str) -> bytes:
        del state  # another state of the store is another answer
        return gzip.compress(json.dumps(columns_of(data.genes(method))).encode(), 1)

    @server.get("/data/genes/<method>.json")
    def genes_json(method: str) -> Response:
        """All rows of one method, column by column."""
        _known(method, data)
        answer = Response(packed(method, str(data.is_ready)), mimetype="application/json")
        answer.headers["Content-Encoding"] = "gzip"
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @server.get("/data/find.json")
    def find_json() -> dict[str, Any]:
        """The target that a name means (null: none), and what completes it, as the search field has it."""
        text = request.args.get("text", "")
        return {"target": data.resolve(text), "completions": data.matching(text)}

    @server.post("/data/genes/<method>.<kind>")
    def genes_file(method: str, kind: str) -> Response:
        """Rows and columns of `genes` that the browser shows, in its order, with all digits."""
        _known(method, data)
        asked = request.get_json(silent=True)
        if kind not in TYPES or not isinstance(asked, dict):
            abort(404)
        columns = [name for name in asked.get("columns", ()) if name in COLUMNS]
        frame = data.genes(method).set_index("target", drop=False)
        rows = [target for target in asked.get("targets", ()) if target in frame.index]
        return _file(frame.loc[rows, ["method", *columns]].reset_index(drop=True), f"genes.{kind}", kind)

    @server.get("/data/gene/<table>.<kind>")
    def gene_file(table: str, kind: str) -> Response:
        """One target's rows of a table, as the store has them: `?target=NAME`."""
        target = data.resolve(request.args.get("target", ""))
        if target is None or table not in OF_GENE or kind not in TYPES:
            return Response("no such file", status=404, mimetype="text/plain")
        read = predictions_table if table == "predictions" else partial(StoreReader.table, name=table)
        frame = read(data.reader, targets=(target,)).to_pandas()
        return _file(frame, f"{target}.{table}.{kind}", kind)


def columns_of(frame: pd.DataFrame) -> dict[str, list[object]]:
    """A frame as JSON's columns: numbers rounded, null where missing; columns without any value left out."""
    found: dict[str, list[object]] = {}
    for name in frame.columns:
        column = frame[name]
        if column.isna().all():
            continue
        if pd.api.types.is_float_dtype(column):
            values = _rounded(column.to_numpy(dtype=np.float64))
            found[name] = pd.Series(values).astype(object).where(column.notna().to_numpy(), None).tolist()
        else:
            found[name] = column.astype(object).where(column.notna(), None).tolist()
    return found


def _rounded(values: np.ndarray) -> np.ndarray:
    """To `DIGITS` significant digits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.floor(np.log10(np.abs(values)))
    # A power of ten beyond what a float holds would make 0 or infinity of a tiny q.
    places = np.clip(DIGITS - 1 - np.where(np.isfinite(size), size, 0), -300, 300)
    power = 10.0**places
    return np.round(values * power) / power


def _known(method: str, data: StoreData) -> None:
    if method not in data.methods:
        abort(404)


def _file(frame: pd.DataFrame, name: str, kind: str) -> Response:
    answer = Response(frame_bytes(frame, kind), content_type=TYPES[kind])
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return answer
