"""The tables about cell lines and lineages that readers compute."""

import pyarrow as pa

from tasks.tables.columns import Column, Table
from tasks.tables.target_tables import COUNT, EFFECT, LINES, METHOD, REAL, TARGET, TEXT

CELL_LINES = Table(
    "cell_lines",
    "cell line of the dataset: its names, where it comes from, and which folds test it. Written once per "
    "store; of a store without it, from the Dataset where that still lies, else what the predictions tell",
    ("cell_line",),
    (
        Column("cell_line", TEXT, "the cell line's id, ACH-000001"),
        Column("name", TEXT, "its name; null where the Dataset has none, as in all columns after it"),
        Column("ccle_name", TEXT, "its name in the Cancer Cell Line Encyclopedia"),
        Column("lineage", TEXT, "the tissue it comes from"),
        Column("disease", TEXT, "the disease it was taken from"),
        Column("subtype", TEXT, "the subtype of that disease"),
        Column(
            "folds", pa.list_(pa.int32()), "numbers of the folds that test it, random twins of lineages too"
        ),
    ),
    computed=True,
)

TARGET_LINEAGES = Table(
    "target_lineages",
    "method, target and lineage: the effect in its cell lines and how well it is predicted within them, out "
    "of fold. Random twins of held-out lineages do not count",
    ("method", "target", "lineage"),
    (
        METHOD,
        TARGET,
        Column(
            "lineage", TEXT, "the lineage, as `cell_lines` names it; lines of unknown lineage have no row"
        ),
        Column("n", COUNT, "its cell lines with a measured effect and a prediction", LINES),
        Column(
            "dependent",
            COUNT,
            "those of them that depend on the target: gene effect at most -0.5, dependency at least 0.5, or "
            "level at least 1",
            LINES,
        ),
        Column("mean", REAL, "mean measured effect in them", EFFECT),
        Column("sd", REAL, "standard deviation of the measured effect; null of one line", EFFECT),
        Column(
            "pearson",
            REAL,
            "r between measured and predicted within the lineage, each less its fold's training mean: what "
            "is predicted beyond the lineage. Null under 3 lines and where the measured effect does not "
            "vary, 0 where only the prediction does not",
        ),
        Column(
            "pearson_without_one",
            REAL,
            "the lowest r with one of its lines left out: far below `pearson` where a single line makes it, "
            "0 where the other lines measure all the same",
        ),
        Column("pearson_low", REAL, "lower end of its 95% interval (Fisher's z); null under 4 lines"),
        Column("pearson_high", REAL, "upper end of that interval"),
        Column("p_value", REAL, "one-sided p of r being above 0; null where r is"),
        Column("rmse", REAL, "root of the mean squared error in them", EFFECT),
        Column(
            "rmse_lineage", REAL, "the same of predicting the mean of the lineage's training lines", EFFECT
        ),
    ),
    computed=True,
)

IN_LINES = (CELL_LINES, TARGET_LINEAGES)
