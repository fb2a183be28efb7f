"""The tables that are in no file: readers compute them from what shards committed."""

import pyarrow as pa

from tasks.tables.columns import Column, Table
from tasks.tables.target_tables import COUNT, EFFECT, LINES, METHOD, REAL, TARGET, TEXT

_TOO_SMALL = "; targets are correlated, so it is too small"

GENES = Table(
    "genes",
    "method and target: how far its predictions can be trusted, over all its folds. "
    "Random twins of held-out lineages do not count",
    ("method", "target"),
    (
        METHOD,
        TARGET,
        Column(
            "class",
            TEXT,
            "`variable` (sd > 0.1 over cell lines), or essential in hardly any line (`near 0`) or nearly "
            "every line (`near 1`)",
        ),
        Column("mean", REAL, "mean effect over the cell lines measured", EFFECT),
        Column("sd", REAL, "standard deviation of the effect over those", EFFECT),
        Column("folds", COUNT, "folds committed", "folds"),
        Column("n", pa.int64(), "out-of-fold predictions pooled: cell lines with a measured effect", LINES),
        Column(
            "pearson",
            REAL,
            "mean over folds of their r, as both papers report; folds without an r are skipped",
        ),
        Column(
            "pearson_pooled",
            REAL,
            "r over all out-of-fold predictions at once, measured and predicted each less the fold's "
            "training mean; 0 where predictions do not vary",
        ),
        Column(
            "pearson_low",
            REAL,
            "lower end of its 95% interval (Fisher's z). Approximate: lines of one lineage are not "
            "independent",
        ),
        Column("pearson_high", REAL, "upper end of that interval"),
        Column("p_value", REAL, "one-sided p of the pooled r being above 0; 1 without an r"),
        Column(
            "q_value",
            REAL,
            "false discovery rate over every target the run wants of the method, those without a model "
            "included (Benjamini-Hochberg)",
        ),
        Column("pearson_lineage", REAL, "baseline: pooled r of predicting by the mean of the line's lineage"),
        Column("pearson_own", REAL, "baseline: pooled r of predicting by the target's own expression"),
        Column(
            "gain", REAL, "what the model adds: `pearson_pooled` less the better of both baselines (or 0)"
        ),
        Column("rmse", REAL, "root of the mean squared error over all out-of-fold predictions", EFFECT),
        Column("rmse_mean", REAL, "the same of predicting each fold's training mean", EFFECT),
        Column("model", TEXT, "the model that most folds chose; of equally many, the first by name"),
        Column(
            "stability",
            REAL,
            "how alike the folds' modifiers are: mean Jaccard index over pairs of folds, 0..1; null where "
            "no fold has modifiers",
        ),
        Column(
            "pearson_permuted",
            REAL,
            "control: the pooled r to expect if measured values are shuffled over the lines of one fold and "
            "lineage, so what lineage alone gives the model (mean over all shuffles, exact)",
            since=2,
        ),
        Column(
            "p_permuted",
            REAL,
            "one-sided p of `pearson_pooled` among those shuffles: what is left within lineages. From their "
            "exact mean, variance and skewness; 1 where no shuffle changes r, or there is none",
            since=2,
        ),
        Column("q_permuted", REAL, "its false discovery rate, over the targets of `q_value`", since=2),
        Column(
            "pearson_confounders",
            REAL,
            "baseline: pooled r of a ridge regression on the dataset's covariates alone; null where it has "
            "none. `gain` does not count it",
            since=2,
        ),
        Column(
            "pearson_expression",
            REAL,
            "pooled r of what expression alone predicts, of a method that read other inputs too "
            "(`--inputs all`); null for others",
            since=2,
        ),
    ),
    version=2,
    computed=True,
)


def _held_out(lines: str, pairs: str, note: str = "") -> tuple[Column, ...]:
    """The comparison of `lines` held out with random ones, tested over `pairs`."""
    return (
        Column("rmse", REAL, f"mean RMSE on {lines}, held out", EFFECT),
        Column("rmse_random", REAL, "mean RMSE on as many random cell lines, held out instead", EFFECT),
        Column(
            "difference",
            REAL,
            "`rmse` less `rmse_random`: above 0 where a lineage never seen is predicted worse",
            EFFECT,
        ),
        Column("t", REAL, f"Student's paired t of the two over {pairs}"),
        Column("t_p", REAL, f"its two-sided p{note}"),
        Column("wilcoxon_p", REAL, f"two-sided p of Wilcoxon's signed-rank test over {pairs}{note}"),
    )


LINEAGES = Table(
    "lineages",
    "method and lineage held out, and one over all of them: how much worse its cell "
    "lines are predicted than as many random ones. Empty unless the scheme is `lineage`",
    ("method", "fold"),
    (
        METHOD,
        Column(
            "fold", COUNT, "number of the fold that holds the lineage out; null in the row over all lineages"
        ),
        Column("lineage", TEXT, "the lineage; `all lineages` in the row over all"),
        Column("n_lines", COUNT, "cell lines of it", LINES),
        Column("targets", COUNT, "targets with an RMSE in both folds", "targets"),
        *_held_out("the lineage", "targets", _TOO_SMALL),
        Column("share_worse", REAL, "share of targets with the larger RMSE on the lineage, 0..1"),
        Column(
            "rmse_mean", REAL, "mean over targets of the RMSE of their training mean on the lineage", EFFECT
        ),
        Column(
            "rmse_mean_random",
            REAL,
            "the same on the random lines: effects vary more on some lineages",
            EFFECT,
        ),
        Column(
            "beyond_mean",
            REAL,
            "`difference` less that of the two before: what a lineage never seen takes from the model itself",
            EFFECT,
        ),
        Column("beyond_mean_t_p", REAL, f"two-sided p of `beyond_mean` being 0 (paired t){_TOO_SMALL}"),
        Column("beyond_mean_wilcoxon_p", REAL, f"the same by Wilcoxon's signed-rank test{_TOO_SMALL}"),
    ),
    computed=True,
)

LINEAGE_TARGETS = Table(
    "lineage_targets",
    "method and target: how much worse it is predicted on lineages never seen than on "
    "as many random cell lines. Empty unless the scheme is `lineage`",
    ("method", "target"),
    (
        METHOD,
        TARGET,
        Column("lineages", COUNT, "lineages with an RMSE in both folds", "lineages"),
        *_held_out("the lineages", "lineages"),
        Column("lineages_with_r", COUNT, "lineages with an r in both folds", "lineages"),
        Column("pearson", REAL, "mean over those of r within the lineage, held out"),
        Column("pearson_random", REAL, "mean over those of r within as many random lines"),
        Column("worst_lineage", TEXT, "the lineage with the largest RMSE when held out"),
        Column("worst_rmse", REAL, "its RMSE", EFFECT),
    ),
    computed=True,
)

RANKING = Table(
    "ranking",
    "method and cell line: whether its strongest dependencies are those predicted for it, out of fold. Every "
    "value counts less its target's training mean, so that what is essential everywhere scores nothing",
    ("method", "cell_line"),
    (
        METHOD,
        Column("cell_line", TEXT, "the cell line's id"),
        Column("n", COUNT, "targets measured and predicted on it", "targets"),
        Column(
            "ndcg",
            REAL,
            "NDCG@10: the gains of the ten targets predicted strongest over those of the ten that are, each "
            "divided by log2(place + 1). A target's gain is how much stronger than its mean it is, 0 if "
            "weaker. Ties are averaged; null under 20 targets, and where none is stronger than its mean",
        ),
        Column(
            "found",
            REAL,
            "share of its ten strongest dependencies among the ten predicted strongest, 0..1; null under 20 "
            "targets",
        ),
        Column("ndcg_lineage", REAL, "baseline: `ndcg` of predicting by the mean of the line's lineage"),
        Column("found_lineage", REAL, "baseline: `found` likewise; 10 / `n` is what a random order finds"),
        Column("ndcg_chance", REAL, "baseline: mean `ndcg` of a random order"),
    ),
    computed=True,
)

SHARDS = Table(
    "shards",
    "shard that was ever begun: a piece of work, and what became of it",
    ("shard",),
    (
        METHOD,
        Column("shard", TEXT, "its key: the sha256 of the run and the units in it"),
        Column("fold", COUNT, "number of its fold; -1 is the final fit, on all cell lines"),
        Column("units", COUNT, "targets in it (or 1, a fold as a whole)"),
        Column(
            "state",
            TEXT,
            "`committed`; `failed`: its last attempt was seen to fail; `in parts`: it took long, and what it "
            "finished was committed as shards of their own; `unfinished`: running, or lost with its driver",
        ),
        Column("attempts", COUNT, "how often it was begun"),
        Column("failed", COUNT, "how many of those attempts were seen to fail"),
        Column("seconds", REAL, "time it took; null unless committed", "core-seconds"),
        Column("host", TEXT, "the machine that computed it; null unless committed"),
        Column("memory", pa.int64(), "the most its process held; null unless committed", "bytes"),
        Column("bytes", pa.int64(), "size of its files; null unless committed", "bytes"),
        Column("error", TEXT, "the last failure; null where there was none"),
    ),
    computed=True,
)

FOLLOWED = Table(
    "followed",
    "method that predicts from all genes, target and gene: the ten genes through whose expression its "
    "out-of-fold predictions are right, as far as correlation can say. Predicted and measured values come "
    "less their fold's training mean. A target whose predictions do not vary has no rows",
    ("method", "target", "gene"),
    (
        METHOD,
        TARGET,
        Column("gene", TEXT, "a gene whose expression the predictions follow over cell lines"),
        Column(
            "rank",
            COUNT,
            "its place among the target's genes, 1 is best: by `pearson` times `pearson_measured`; genes "
            "where the two differ in sign do not count",
        ),
        Column("pearson", REAL, "r between its expression and the out-of-fold predictions"),
        Column(
            "partial",
            REAL,
            "the same with lineage means taken from both. Lines of unknown lineage count as one lineage, "
            "those of lineages with fewer than 5 lines as another. Null where the Dataset is not to be "
            "found: a store does not hold lineages",
        ),
        Column(
            "pearson_measured", REAL, "r between its expression and the measured effect, on the same lines"
        ),
        Column("partial_measured", REAL, "the same with lineage means taken from both"),
    ),
    computed=True,
)

COMPUTED = (GENES, RANKING, FOLLOWED, LINEAGES, LINEAGE_TARGETS, SHARDS)
