"""The tables about targets that shards write: scores, modifiers, candidates, predictions, models, ..."""

import pyarrow as pa

from tasks.tables.columns import Column, Table

TEXT, REAL, COUNT, TRUTH = pa.string(), pa.float64(), pa.int32(), pa.bool_()

METHOD = Column("method", TEXT, "the method, as `--method` names it")
TARGET = Column("target", TEXT, "the gene whose effect of a knockout is predicted")
FOLD = Column(
    "fold", COUNT, "number of the fold, as run.json lists it; -1 is the final fit, on all cell lines"
)
SECONDS = Column("seconds", REAL, "time it took, selection of modifiers included", "core-seconds")
REASON = Column("reason", TEXT, "why the status is not `ok`; null where it is")
STATUSES = (
    "`ok`, `no_modifiers` (predicted by the training mean), `not_converged` (usable, its solver "
    "stopped early), `constant_target`, `too_few_lines` or `failed`"
)
EFFECT = "measure"  # the unit of the dataset's effect matrix
LINES = "cell lines"

SCORES = Table(
    "scores",
    "method, target and fold: how well the target is predicted on cell lines the model never saw",
    ("method", "target", "fold"),
    (
        METHOD,
        TARGET,
        FOLD,
        Column(
            "model", TEXT, "the model that won and predicts; `mean` without modifiers, null without a model"
        ),
        Column("n_train", COUNT, "training lines with a measured effect", LINES),
        Column("n_test", COUNT, "test lines with a measured effect", LINES),
        Column("n_modifiers", COUNT, "modifiers selected; 0 for methods that select none", "genes"),
        Column(
            "pearson",
            REAL,
            "r between measured and predicted effect over the fold's test lines; null where the measured "
            "values are constant, 0 where only the prediction is",
        ),
        Column("spearman", REAL, "the same of ranks, average ranks for ties; null and 0 as `pearson`"),
        Column("rmse", REAL, "root of the mean squared error over the test lines", EFFECT),
        Column(
            "rmse_mean", REAL, "the RMSE of predicting the training mean: the error without any model", EFFECT
        ),
        Column(
            "pearson_lineage",
            REAL,
            "baseline: r of predicting each line by the mean effect of its lineage's training lines",
        ),
        Column(
            "pearson_own",
            REAL,
            "baseline: r of a straight line through the target's own expression; null where that is not "
            "known",
        ),
        Column(
            "pearson_confounders",
            REAL,
            "baseline: r of a ridge regression on the dataset's covariates alone (sex, screen quality, ...); "
            "null where it has none",
            since=2,
        ),
        Column(
            "pearson_expression",
            REAL,
            "r of what expression alone predicts, of a method that read other inputs too (`--inputs all`); "
            "null for others",
            since=2,
        ),
        Column("train_mean", REAL, "mean effect over the training lines; null with too few lines", EFFECT),
        Column("status", TEXT, f"how the fit ended: {STATUSES}"),
        REASON,
        SECONDS,
    ),
    version=2,
)

MODIFIERS = Table(
    "modifiers",
    "method, target, fold and modifier: a gene whose expression goes with the "
    "target's effect in the training lines",
    ("method", "target", "fold", "modifier"),
    (
        METHOD,
        TARGET,
        FOLD,
        Column("modifier", TEXT, "the gene whose expression helps to predict the target"),
        Column(
            "pearson",
            REAL,
            "r between its expression and the target's effect; negative: more expression, stronger "
            "dependency (of a gene effect)",
        ),
        Column("pearson_q", REAL, "its false discovery rate over all genes (Benjamini-Hochberg)"),
        Column("spearman", REAL, "the same correlation of ranks"),
        Column("spearman_q", REAL, "its false discovery rate over all genes"),
        Column(
            "chi2", REAL, "chi-squared of the effect in six bins against expression above or below its median"
        ),
        Column("chi2_q", REAL, "its false discovery rate over all genes"),
        Column(
            "by_pearson",
            TRUTH,
            "whether Pearson's test chose it: among the strongest `--top` with q < `--fdr`",
        ),
        Column("by_spearman", TRUTH, "whether Spearman's test chose it"),
        Column("by_chi2", TRUTH, "whether the chi-squared test chose it"),
        Column(
            "rank", COUNT, "its place among the target's modifiers, by the smallest of its three q; 1 is best"
        ),
        Column(
            "weight",
            REAL,
            "of method `best`: what its prediction adds for each unit of log2(TPM+1); null for others, whose "
            "tests `best` does not make",
            "measure per log2(TPM+1)",
            since=2,
        ),
    ),
    version=2,
)

CANDIDATES = Table(
    "candidates",
    "method, target, fold and candidate: a kind of model that was tried, and whether it won",
    ("method", "target", "fold", "candidate"),
    (
        METHOD,
        TARGET,
        FOLD,
        Column("candidate", TEXT, "the kind of model"),
        Column("parameters", TEXT, "what it settled on, as JSON: penalties, rounds, evidence of convergence"),
        Column(
            "validation_rmse",
            REAL,
            "its error inside the training lines: on a tenth it did not learn from; by five inner folds in a "
            "stack (preset careful); leave-one-out for kernels, out of bag for forests. Null where it "
            "failed, and for `reduced_rank`, which judges all targets together (`fold_choices`)",
            EFFECT,
        ),
        Column(
            "chosen",
            TRUTH,
            "whether it won: the lowest error, and its refit on all training lines succeeded; in a stack, "
            "whether its weight is above 0",
        ),
        Column("status", TEXT, "`ok`, `not_converged` (usable, its solver stopped early) or `failed`"),
        REASON,
        Column(
            "seconds",
            REAL,
            "time of this trial, without the refit of a winner; null in best, whose parts are timed together",
            "core-seconds",
        ),
        Column(
            "weight",
            REAL,
            "its part in a stack (preset careful): of its deviation from the training mean; 0 where it has "
            "none or failed, null where one candidate is chosen",
            since=2,
        ),
    ),
    version=2,
)

PREDICTIONS = Table(
    "predictions",
    "method, target, cell line and fold that tests it: out of fold, so no model saw "
    "the line. Under scheme `lineage` a line may be tested twice, with its lineage and in that "
    "lineage's random twin",
    ("method", "target", "cell_line", "fold"),
    (
        METHOD,
        TARGET,
        Column("cell_line", TEXT, "the cell line's id, ACH-000001"),
        FOLD,
        Column("measured", REAL, "the effect that was measured", EFFECT),
        Column("predicted", REAL, "the effect the model predicts", EFFECT),
        Column(
            "predicted_lineage", REAL, "baseline: the mean effect of its lineage's training lines", EFFECT
        ),
        Column(
            "predicted_own",
            REAL,
            "baseline: a straight line through the target's own expression; null where that is not known",
            EFFECT,
        ),
        Column(
            "predicted_confounders",
            REAL,
            "baseline: a ridge regression on the dataset's covariates alone; null where it has none",
            EFFECT,
            since=2,
        ),
        Column(
            "predicted_expression",
            REAL,
            "what expression alone predicts, of a method that read other inputs too; null for others",
            EFFECT,
            since=2,
        ),
        Column(
            "lineage",
            TEXT,
            "the line's lineage, as `cell_lines` names it; null where it is not known",
            since=3,
            computed=True,
        ),
    ),
    version=3,
)

RESIDUAL_LEVELS = (50, 80, 90, 95)  # percent of new cell lines
RESIDUALS = tuple(f"residual_{level}" for level in RESIDUAL_LEVELS)
_RESIDUALS = tuple(
    Column(
        name,
        REAL,
        f"a prediction plus or minus this holds the truth for at least {level}% of new cell lines, if "
        "they are like those of the dataset (split conformal prediction); of what expression alone "
        "predicts, as the final model does; null where too few were predicted out of fold",
        EFFECT,
        computed=True,
    )
    for name, level in zip(RESIDUALS, RESIDUAL_LEVELS, strict=True)
)

MODELS = Table(
    "models",
    "method and target: the final model, fitted on all cell lines, which `predict` uses",
    ("method", "target"),
    (
        METHOD,
        TARGET,
        Column("kind", TEXT, "the kind of model; null where the target has none"),
        Column(
            "parameters", TEXT, "what it settled on, as JSON; for models that share a file, its sha256 too"
        ),
        Column("n_train", COUNT, "cell lines with a measured effect", LINES),
        Column("train_mean", REAL, "mean effect over those lines; null with too few lines", EFFECT),
        Column(
            "modifiers",
            pa.list_(TEXT),
            "the genes it needs, in the order of `coefficients`; empty for models on all genes",
        ),
        Column("intercept", REAL, "what a linear model adds to its weighted sum", EFFECT),
        Column(
            "coefficients",
            pa.list_(REAL),
            "a linear model's weight of each modifier's log2(TPM+1); null for other kinds",
            "measure per log2(TPM+1)",
        ),
        # In its row, not in a file beside it: a row has the same bytes whatever shard fitted its target.
        Column(
            "weights",
            pa.binary(),
            "any other model as a safetensors file; for models on all genes one number a cell line (dual "
            "coefficients). Null for linear kinds and shared networks",
        ),
        Column("sha256", TEXT, "checksum of all that predictions are computed from; null without a model"),
        Column("status", TEXT, f"how the fit ended: {STATUSES}"),
        REASON,
        SECONDS,
        *_RESIDUALS,
    ),
)

FAILURES = Table(
    "failures",
    "method, target and fold that could not be fitted, or was set aside after it "
    "failed alone again and again",
    ("method", "target", "fold"),
    (
        METHOD,
        TARGET,
        FOLD,
        Column("status", TEXT, "`failed`"),
        Column("error", TEXT, "what went wrong; of several attempts, in the last"),
        Column("attempts", COUNT, "how many attempts failed"),
    ),
)
