"""Which targets a query asks for, so that a table that is costly to compute is computed for those alone."""

from typing import Any


def targets_asked(tree: Any, table: str) -> frozenset[str] | None:
    """The only targets a query can give rows of; None where it may need others of this table.

    `tree` is a parsed statement, as DuckDB's JSON. Of a plain SELECT from this one table, its conditions
    `target = 'X'` and `target IN ('X', ...)` that all rows must meet count; anything else asks for all.
    """
    nodes = [statement.get("node", {}) for statement in tree.get("statements", [])]
    if len(nodes) != 1 or nodes[0].get("type") != "SELECT_NODE" or nodes[0]["cte_map"]["map"]:
        return None
    node = nodes[0]
    source = node.get("from_table") or {}
    if source.get("type") != "BASE_TABLE" or source.get("table_name", "").lower() != table:
        return None
    if source.get("column_name_alias") or _inner(node, node["from_table"]):
        return None
    sets = [found for part in _conditions(node.get("where_clause")) if (found := _targets(part)) is not None]
    return frozenset.intersection(*sets) if sets else None


def _inner(node: Any, outer: Any) -> bool:
    """Whether a SELECT holds another table or SELECT below its own FROM."""
    if isinstance(node, dict):
        if node is not outer and node.get("type") in ("BASE_TABLE", "SUBQUERY", "JOIN"):
            return True
        return any(_inner(part, outer) for part in node.values())
    return isinstance(node, list) and any(_inner(part, outer) for part in node)


def _conditions(where: Any) -> list[Any]:
    """The parts of a WHERE that must all be true."""
    if not where:
        return []
    if where["type"] == "CONJUNCTION_AND":
        return [part for child in where["children"] for part in _conditions(child)]
    return [where]


def _targets(condition: Any) -> frozenset[str] | None:
    """The targets that meet a condition; None where it is not on the target alone."""
    if condition["type"] == "COMPARE_EQUAL":
        sides = [condition["left"], condition["right"]]
        column, values = (sides[0], sides[1:]) if _is_target(sides[0]) else (sides[1], sides[:1])
    elif condition["type"] == "COMPARE_IN":
        column, *values = condition["children"]
    else:
        return None
    if not _is_target(column) or any(_text(value) is None for value in values):
        return None
    return frozenset(str(_text(value)) for value in values)


def _is_target(expression: Any) -> bool:
    names = expression.get("column_names", [])
    return expression.get("type") == "COLUMN_REF" and bool(names) and names[-1].lower() == "target"


def _text(expression: Any) -> str | None:
    """The value of a string constant."""
    literal = expression.get("literal") or {}
    is_text = expression.get("type") == "VALUE_CONSTANT" and literal.get("kind") == "STRING"
    return literal.get("text") if is_text else None
