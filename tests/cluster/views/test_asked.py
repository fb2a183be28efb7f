import json

import duckdb
import pytest

from cluster.views.asked import targets_asked


def asked(sql: str) -> frozenset[str] | None:
    with duckdb.connect() as connection:
        ((tree,),) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()
    return targets_asked(json.loads(tree), "followed")


@pytest.mark.parametrize(
    ("sql", "targets"),
    [
        ("FROM followed WHERE target = 'A'", "A"),
        ("FROM Followed WHERE 'A' = TARGET", "A"),
        ("SELECT gene FROM followed AS f WHERE f.target IN ('A', 'B') AND rank < 3 ORDER BY rank", "AB"),
        ("FROM followed WHERE (target = 'A' AND method = 'kernel') AND target IN ('A', 'C')", "A"),
        ("FROM followed WHERE target = 'A' AND target = 'B'", ""),
        ("SELECT target, count(*) FROM followed WHERE target = 'A' GROUP BY target LIMIT 3", "A"),
    ],
)
def test_conditions_on_the_target_are_seen(sql: str, targets: str) -> None:
    assert asked(sql) == frozenset(targets)


@pytest.mark.parametrize(
    "sql",
    [
        "FROM followed",
        "FROM followed WHERE gene = 'A'",
        "FROM followed WHERE target = 'A' OR rank = 1",
        "FROM followed WHERE NOT target = 'A'",
        "FROM followed WHERE target != 'A'",
        "FROM followed WHERE target NOT IN ('A')",
        "FROM followed WHERE target = gene",
        "FROM followed WHERE target IN ('A', gene)",
        "FROM followed WHERE lower(target) = 'a'",
        "FROM followed WHERE target LIKE 'A%'",
        "FROM followed JOIN genes USING (target) WHERE target = 'A'",
        "FROM followed a, followed b WHERE a.target = 'A'",
        "FROM followed WHERE target = 'A' AND gene IN (SELECT gene FROM followed)",
        "SELECT (SELECT count(*) FROM followed) FROM followed WHERE target = 'A'",
        "FROM followed WHERE target = 'A' UNION ALL FROM followed",
        "WITH f AS (FROM followed) SELECT * FROM followed WHERE target = 'A'",
        "FROM (FROM followed) followed WHERE target = 'A'",
        "FROM followed f(target, method) WHERE target = 'A'",
        "SELECT gene AS target FROM followed QUALIFY target = 'A'",
        "FROM genes WHERE target = 'A'",
    ],
)
def test_anything_else_asks_for_all(sql: str) -> None:
    assert asked(sql) is None
