"""The tables that commands add to a finished store. Rows of each name the result they are of."""

from tasks.tables.columns import Column, Table
from tasks.tables.target_tables import COUNT, EFFECT, LINES, METHOD, REAL, TARGET, TEXT, TRUTH

ANALYSIS = Column(
    "analysis",
    TEXT,
    "the result that the row is of: one command with one set of inputs, which the table `analyses` names",
)

ANALYSES = Table(
    "analyses",
    "result that a command added to the store. The same command with the same inputs replaces its result; "
    "with other inputs it adds one",
    ("analysis",),
    (
        Column("analysis", TEXT, "its name: the first 12 digits of the sha256 of run, command and inputs"),
        Column("command", TEXT, "the command that added it"),
        Column(
            "inputs",
            TEXT,
            "what it was given, as JSON: options, and of each file its name and the sha256 of its content",
        ),
        Column("tables", TEXT, "the tables it has rows in, with commas"),
        Column("rows", COUNT, "rows in all of them"),
        Column(
            "current",
            TRUTH,
            "whether the store still holds what it was computed from; if not, repeat the command",
        ),
        Column("release", TEXT, "the Knockcast that wrote it; null where it does not say"),
    ),
    computed=True,
)

VALIDATION = Table(
    "validation",
    "result of `validate`, method and target: how well final models predict what another Dataset "
    "measured, on cell lines they never saw",
    ("analysis", "method", "target"),
    (
        ANALYSIS,
        METHOD,
        TARGET,
        Column("dataset", TEXT, "content hash of the other Dataset"),
        Column("n", COUNT, "new lines on which the target is measured and predicted", LINES),
        Column(
            "pearson",
            REAL,
            "r between measured and predicted values over those lines; null with fewer than 3, and where the "
            "measured values are constant. Where of one measure lower is stronger and of the other higher, "
            "predictions count with the other sign",
        ),
        Column("spearman", REAL, "the same of ranks"),
        Column("rmse", REAL, "root of the mean squared error; null where the two measures differ", EFFECT),
        Column("pearson_pooled", REAL, "the target's own r out of fold, as in `genes`"),
        Column("gain", REAL, "its gain over the baselines out of fold, as in `genes`"),
    ),
    command="validate",
)
