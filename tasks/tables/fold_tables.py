"""The tables about whole folds that shards write: shared networks and their search, profiles and drugs."""

import pyarrow as pa

from tasks.tables.columns import Column, Table
from tasks.tables.target_tables import COUNT, FOLD, LINES, METHOD, REAL, REASON, TARGET, TEXT, TRUTH

RECONSTRUCTION = ("lines_uncentred", "lines", "genes")

_NETWORK = Column(
    "network",
    TEXT,
    "which network: of `latent` the autoencoders `expression` and `dependency` and `code`, which "
    "maps one to the other; of `plain` the only one; of `drugs` the features it learns from",
)
_GIVEN_BACK = {
    "lines_uncentred": "mean over {of} lines of r over genes as they are (the paper's way, which the "
    "mean profile inflates)",
    "lines": "mean over {of} lines of r over genes, each less its training mean",
    "genes": "mean over genes of r over the {of} lines",
}
_RECONSTRUCTION = tuple(
    Column(
        f"{name}{suffix}",
        REAL,
        "how well values are given back, or dependencies predicted: "
        f"{_GIVEN_BACK[name].format(of=of)}; null where there are none, and for `drugs`",
    )
    for suffix, of in (("", "test"), ("_train", "training"))
    for name in RECONSTRUCTION
)

NETWORKS = Table(
    "networks",
    "method, fold and network that many targets share: how its training went",
    ("method", "fold", "network"),
    (
        METHOD,
        FOLD,
        _NETWORK,
        Column("layers", pa.list_(COUNT), "sizes of its layers, from inputs to outputs"),
        Column("n_train", COUNT, "examples it learned from: cell lines; for `drugs`, drugs"),
        Column("epochs", COUNT, "epochs it trained for", "epochs"),
        Column(
            "best_epoch", COUNT, "the epoch whose weights were kept: the lowest validation loss", "epochs"
        ),
        Column(
            "train_loss",
            REAL,
            "mean squared error over what it learned from, in its own scale, at that epoch",
        ),
        Column("validation_loss", REAL, "the same over the examples held out to stop by"),
        *_RECONSTRUCTION,
        Column("status", TEXT, "`ok` or `failed`"),
        REASON,
        Column("seconds", REAL, "time its training took", "core-seconds"),
        Column(
            "file",
            TEXT,
            "path of its weights in the store; null for `drugs`, whose networks are not kept",
            computed=True,
        ),
        Column("sha256", TEXT, "checksum of that file", computed=True),
    ),
)

SEARCHES = Table(
    "searches",
    "method, fold, network and architecture tried for it, on an inner 80/20 split of "
    "the fold's training lines",
    ("method", "fold", "network", "hidden_layers", "units"),
    (
        METHOD,
        FOLD,
        _NETWORK,
        Column("hidden_layers", COUNT, "number of hidden layers"),
        Column("units", COUNT, "units of each of them"),
        Column("weights", pa.int64(), "weights and biases of such a network"),
        Column("values", pa.int64(), "training values, which the weights should not outnumber"),
        Column("epochs", COUNT, "epochs it trained for", "epochs"),
        Column(
            "validation_loss",
            REAL,
            "mean squared error over the fifth that no network of the search learned from; null where "
            "training failed",
        ),
        Column("chosen", TRUTH, "whether it won"),
        Column("nested", TRUTH, "whether the winner is used in this fold alone (`--nested-search`)"),
        Column("seconds", REAL, "time of this trial", "core-seconds"),
    ),
)

FOLD_CHOICES = Table(
    "fold_choices",
    "method, fold, choice and parameters tried: what is chosen once for all targets of a fold, by inner "
    "folds of its training lines",
    ("method", "fold", "choice", "parameters"),
    (
        METHOD,
        FOLD,
        Column("choice", TEXT, "what is chosen, such as `penalty and rank`"),
        Column("parameters", TEXT, "what was tried, as JSON"),
        Column(
            "error",
            REAL,
            "squared error on the lines that the inner folds hold out, over all targets together, relative "
            "to predicting each target's training mean; the lowest wins",
        ),
        Column("chosen", TRUTH, "whether it won"),
        Column("seconds", REAL, "time of all the fold's choices and fits together", "core-seconds"),
    ),
)

PROFILE_SCORES = Table(
    "profile_scores",
    "method, fold, model, features, axis and name: r of predictions of whole vectors "
    "(methods `profiles` and `drugs`) for one cell line, gene or drug",
    ("method", "fold", "model", "features", "axis", "name"),
    (
        METHOD,
        Column(
            "fold",
            COUNT,
            "number of the fold: over genes for `profiles`; over drugs for `drugs`, over cell lines for "
            "its model `ranking`",
        ),
        Column("model", TEXT, "the model, baselines among them"),
        Column("features", TEXT, "what it learns from: `expression`, `dependency`, `both` or `none`"),
        Column("axis", TEXT, "what `name` is, and so what r is not over: `cell_line`, `gene` or `drug`"),
        Column("name", TEXT, "the cell line, gene or drug"),
        Column("n", COUNT, "measured values that r is over"),
        Column(
            "pearson",
            REAL,
            "r between measured and predicted values: for a cell line over all that the fold tests, for a "
            "gene or drug over cell lines. Null of fewer than 3 values, of constant ones, and without a "
            "prediction",
        ),
        Column("spearman", REAL, "the same of ranks"),
    ),
)

COMPONENTS = Table(
    "components",
    "method, fold and canonical component of expression and dependency profiles, strongest first",
    ("method", "fold", "component"),
    (
        METHOD,
        Column("fold", COUNT, "number of the fold, over genes"),
        Column("component", COUNT, "its number; 1 is the strongest"),
        Column("pearson_train", REAL, "canonical correlation on the training genes"),
        Column("pearson", REAL, "the same on test genes; null where too few have an effect in every line"),
    ),
)

BORROWING = Table(
    "borrowing",
    "method and fold: the kernel, and what the fold's targets teach together (method `best`)",
    ("method", "fold"),
    (
        METHOD,
        FOLD,
        Column("c", REAL, "the kernel's scale: exp(-(distance / c)^p)"),
        Column("p", REAL, "its power"),
        Column("n_train", COUNT, "training lines", LINES),
        Column(
            "targets",
            COUNT,
            "targets that teach: those that vary over the training lines and are measured on most",
        ),
        Column("components", COUNT, "principal components of their effects"),
        Column(
            "predicted_components",
            REAL,
            "sum over components of the share of variance that leave-one-out predictions explain: how many "
            "components' worth expression tells",
        ),
        Column("borrows", TRUTH, "whether there are enough targets to borrow from"),
        Column("seconds", REAL, "time it took", "core-seconds"),
    ),
)

MODULES = Table(
    "modules",
    "method, target and co-dependent target: which other targets a target's borrowed prediction comes from "
    "(method `best`, final fold)",
    ("method", "target", "codependent"),
    (
        METHOD,
        TARGET,
        Column("codependent", TEXT, "the other target"),
        Column(
            "weight",
            REAL,
            "how much of what is predicted of the other enters this target's borrowed prediction: the "
            "sum over components of the share that expression predicts x both loadings; negative: "
            "opposite effects",
        ),
        Column("pearson", REAL, "r between the measured effects of the two over the cell lines"),
        Column("rank", COUNT, "its place by |weight|; 1 is most"),
    ),
)
