import numpy as np
import pytest

from tasks.tables.schemas import KEYS, MAY_DIFFER, SCHEMAS, TABLES, table_of


def test_every_table_has_a_key_that_its_schema_holds():
    assert set(KEYS) == set(SCHEMAS)
    for name, key in KEYS.items():
        assert SCHEMAS[name].names[: len(key)] == list(key)


def test_schemas_and_keys_are_those_of_the_definitions():
    for name, schema in SCHEMAS.items():
        table = TABLES[name]
        assert KEYS[name] == table.key
        assert schema.names == [column.name for column in table.columns if not column.computed]
    assert set(TABLES) - set(SCHEMAS) == {
        "genes",
        "ranking",
        "followed",
        "lineages",
        "lineage_targets",
        "target_lineages",
        "cell_lines",
        "shards",
        "analyses",
        "relations",
        *(name for name, table in TABLES.items() if table.command),
    }
    assert {column.name for table in TABLES.values() for column in table.columns} >= set(MAY_DIFFER)


def test_columns_that_readers_add_are_not_written():
    added = {name: set(table.schema.names) - set(SCHEMAS[name].names) for name, table in TABLES.items()
             if name in SCHEMAS}  # fmt: skip
    assert {name: columns for name, columns in added.items() if columns} == {
        "models": {"residual_50", "residual_80", "residual_90", "residual_95"},
        "networks": {"file", "sha256"},
        "predictions": {"lineage"},
    }


def test_a_block_repeats_its_scalars_and_nan_becomes_null():
    block = {"method": "m", "target": "T", "fold": 1, "modifier": np.array(["A", "B"], dtype=object)}
    table = table_of("modifiers", [block | {"pearson": np.array([0.5, np.nan])}])
    assert table.schema == SCHEMAS["modifiers"]
    assert table.column("target").to_pylist() == ["T", "T"]
    assert table.column("pearson").to_pylist() == [0.5, None]
    assert table.column("rank").to_pylist() == [None, None]


def test_no_rows_give_an_empty_table_with_the_schema():
    assert table_of("scores", []).schema == SCHEMAS["scores"]


def test_an_unknown_column_is_refused():
    with pytest.raises(KeyError, match="colour"):
        table_of("scores", [{"colour": "red"}])


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        table_of("modifiers", [{"pearson": np.zeros(2), "rank": np.zeros(3, dtype=int)}])
