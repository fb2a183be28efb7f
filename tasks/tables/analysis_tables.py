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
        Column(
            "pearson_pooled",
            REAL,
            "the target's own r out of fold, as in `genes`; its `pearson_expression` where not null",
        ),
        Column("gain", REAL, "its gain over the baselines out of fold, as in `genes`"),
    ),
    command="validate",
)

_COLLECTION = Column("collection", TEXT, "the file of gene sets or paralogs: its name without the type")

ENRICHMENT = Table(
    "enrichment",
    "result of `enrich` and test: whether a list of genes holds more of a gene set than chance. Only sets "
    "that share a gene with the list have a row, and of paralogs every target that has some among the genes",
    ("analysis", "method", "of", "collection", "gene_set", "target"),
    (
        ANALYSIS,
        METHOD,
        Column(
            "of",
            TEXT,
            "the list: `modifiers` of one target, `all modifiers` of the listed targets together, or the "
            "`targets` themselves among all that were modelled",
        ),
        Column("target", TEXT, "the target whose modifiers they are; empty for the other lists"),
        _COLLECTION,
        Column("gene_set", TEXT, "the set's name, or `paralogs of the target`"),
        Column("size", COUNT, "genes of the set among those that could be drawn", "genes"),
        Column("drawn", COUNT, "genes of the list", "genes"),
        Column("overlap", COUNT, "genes of the list that are in the set", "genes"),
        Column("expected", REAL, "mean overlap of random lists of that size", "genes"),
        Column("p_value", REAL, "how likely a random list has that overlap or a larger one (hypergeometric)"),
        Column(
            "q_value",
            REAL,
            "its false discovery rate (Benjamini-Hochberg): of a gene set over all sets of its collection "
            "with 3 or more of those genes, for this list; of paralogs over the targets",
        ),
        Column("genes", TEXT, "the genes they share, with commas"),
    ),
    command="enrich",
)

ENRICHMENT_COUNTS = Table(
    "enrichment_counts",
    "result of `enrich`, method and collection: of how many targets the modifiers hold a paralog, or are "
    "enriched for a gene set, against chance",
    ("analysis", "method", "collection"),
    (
        ANALYSIS,
        METHOD,
        _COLLECTION,
        Column("kind", TEXT, "`paralogs` or `gene sets`"),
        Column("targets", COUNT, "targets listed", "targets"),
        Column("with_modifiers", COUNT, "those that have modifiers", "targets"),
        Column(
            "tested",
            COUNT,
            "those that count: with a paralog among the genes that could be drawn; or with modifiers",
            "targets",
        ),
        Column(
            "found",
            COUNT,
            "those with a paralog among their modifiers; or with a gene set at q < 0.05",
            "targets",
        ),
        Column("universe", COUNT, "genes that chance draws from: those of the Dataset's expression", "genes"),
        Column("draws", COUNT, "draws of sets of the same sizes"),
        Column("expected", REAL, "mean of `found` over those draws", "targets"),
        Column("p_value", REAL, "share of draws that reach `found`, the real one counted among them"),
        Column(
            "expected_shuffled",
            REAL,
            "mean of `found` when each target gets the modifiers of another listed one: some genes are "
            "modifiers of many. Null for gene sets",
            "targets",
        ),
        Column("p_shuffled", REAL, "share of those shuffles that reach `found`, likewise"),
    ),
    command="enrich",
)

GENE_SETS = Table(
    "gene_sets",
    "result of `enrich`, gene set and gene: what is in the sets, of the genes of the run",
    ("analysis", "collection", "gene_set", "gene"),
    (
        ANALYSIS,
        _COLLECTION,
        Column("gene_set", TEXT, "the set's name"),
        Column("gene", TEXT, "a symbol in it, in capitals, of a target or of a gene of the expression"),
        Column("genes", COUNT, "genes in the whole set, those unknown to the run included", "genes"),
    ),
    command="enrich",
)

PARALOGS = Table(
    "paralogs",
    "result of `enrich`, gene and paralog: pairs of which the run has both, each in both orders",
    ("analysis", "collection", "gene", "paralog"),
    (
        ANALYSIS,
        _COLLECTION,
        Column("gene", TEXT, "a symbol, in capitals"),
        Column("paralog", TEXT, "the symbol of a paralog of it, in capitals"),
    ),
    command="enrich",
)

RELATIONS = Table(
    "relations",
    "target, modifier, relation and source: how a modifier in table `modifiers` is related to its target, as "
    "the files that `enrich` was given say. Empty before",
    ("target", "modifier", "relation", "source"),
    (
        TARGET,
        Column("modifier", TEXT, "a gene in table `modifiers` for it, of any method and fold"),
        Column("relation", TEXT, "`self`, `paralog` or `same gene set`"),
        Column(
            "source", TEXT, "the table of paralogs, or collection and gene set: `KEGG_2021_Human: Apoptosis`"
        ),
        Column("genes", COUNT, "genes in the set: the fewer, the closer; null for the others", "genes"),
    ),
    computed=True,
)

TISSUES = Table(
    "tissues",
    "result of `tissues`, target, group of samples and what it is tested against: whether predictions of the "
    "group differ",
    ("analysis", "method", "target", "group", "against"),
    (
        ANALYSIS,
        Column(
            "method",
            TEXT,
            "the method that predicted the target; `unknown` where the file of predictions does not say",
        ),
        TARGET,
        Column("group", TEXT, "the group of samples"),
        Column(
            "against",
            TEXT,
            "`others`: the samples of all other groups; `normal`: the normal tissues given by --normal",
        ),
        Column("n", COUNT, "samples of the group with a prediction", "samples"),
        Column("n_against", COUNT, "samples it is tested against", "samples"),
        Column("mean", REAL, "mean prediction in the group", EFFECT),
        Column("mean_against", REAL, "mean prediction of those it is tested against", EFFECT),
        Column("difference", REAL, "`mean` less `mean_against`", EFFECT),
        Column("effect_size", REAL, "`difference` over the pooled standard deviation (Cohen's d)"),
        Column("t", REAL, "Welch's t; null with fewer than 3 samples on a side, or without any spread"),
        Column("p_value", REAL, "its two-sided p. Says nothing of how well the target is predicted"),
        Column(
            "q_value", REAL, "its false discovery rate, over all targets and groups tested against the same"
        ),
        Column(
            "stronger", TRUTH, "whether the group is predicted more dependent: lower effect, or higher level"
        ),
        Column(
            "share_normal",
            REAL,
            "share of normal tissues predicted at least as dependent as the group's mean, 0..1; null against "
            "`others`",
        ),
        Column("strongest_normal", TEXT, "the normal tissue predicted most dependent; null against `others`"),
        Column(
            "margin",
            REAL,
            "how much more dependent the group's mean is than that tissue: above 0, than every normal tissue",
            EFFECT,
        ),
        Column("pearson_pooled", REAL, "the target's r out of fold, by that method; null where not known"),
        Column(
            "flagged",
            COUNT,
            "samples of the group that `predict` flagged as unlike the training lines; null where not known",
            "samples",
            since=2,
        ),
        Column("flagged_against", COUNT, "the same of those it is tested against", "samples", since=2),
    ),
    version=2,
    command="tissues",
)
