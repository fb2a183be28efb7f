"""What a verdict on one target rests on, each part a plain value. NaN (of counts: None) is "not known"."""

from dataclasses import dataclass, field

from tasks.analyses.answer.relations import Relation


@dataclass(frozen=True)
class MethodScore:
    """How well one method predicts the target on lines it did not see; the columns of `genes` of that name.

    `of_folds` is how many folds count; `folds` of them are done. `gain_low` to `gain_high` is the 95%
    interval of `gain` over `baseline`: "lineage" or "own", the better one; "" where neither is above 0.
    """

    method: str
    folds: int
    of_folds: int
    n: int
    pearson: float
    pooled: float
    low: float
    high: float
    p: float
    q: float
    lineage: float
    own: float
    gain: float
    gain_low: float
    gain_high: float
    baseline: str
    rmse: float
    rmse_mean: float
    permuted_p: float
    model: str
    stability: float


@dataclass(frozen=True)
class Modifier:
    """A gene whose expression goes with the target's effect.

    `direction` is "high" or "low": the expression at which the target is needed more; "" where folds differ.
    It is that of `weight`, where known: the gene's coefficient in the prediction, beside the others and on
    top of what all genes predict, in the measure's unit per log2(TPM+1). `pearson` is r between its
    expression alone and the measured effect, which may have the other sign. `folds` of the folds selected it;
    0 where it was not selected, but the predictions follow its expression (`followed` is r with them,
    `partial` r with the measured effect within lineages).
    """

    gene: str
    direction: str
    pearson: float
    relations: tuple[Relation, ...] = ()
    folds: int = 0
    final: bool = False
    followed: float = float("nan")
    partial: float = float("nan")
    weight: float = float("nan")

    @property
    def turned(self) -> bool:
        """Whether the gene alone goes with the effect the other way than in the prediction."""
        return self.weight * self.pearson < 0


@dataclass(frozen=True)
class LineageScore:
    """The target in one lineage: columns of `target_lineages`, NaN where it has too few lines to say that.

    `q` is over the lineages where r is known.
    """

    lineage: str
    n: int
    dependent: int
    mean: float
    sd: float
    pearson: float
    without_one: float
    low: float
    high: float
    p: float
    q: float
    rmse: float
    rmse_lineage: float


@dataclass(frozen=True)
class CoDependent:
    """Another target whose measured effect goes with this one's over `n` lines, with Pearson's r."""

    target: str
    pearson: float
    n: int
    relations: tuple[Relation, ...] = ()


@dataclass(frozen=True)
class Selectivity:
    """How the measured effect is spread over all `n` lines: `dependent` of them need the target.

    `skew` is the skewness in the direction of need: above 1, a minority of lines stands out.
    """

    n: int
    dependent: int
    mean: float
    sd: float
    skew: float
    target_class: str


@dataclass(frozen=True)
class Failure:
    """Folds without a usable fit: their status, how many, and the reason."""

    method: str
    status: str
    folds: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Evidence:
    """All of it. `measure` is the Dataset's; `scheme` the run's; `notes` say what could not be looked at.

    `knows_relations`: whether anything tells how genes are related.
    """

    target: str
    measure: str
    scheme: str
    scores: tuple[MethodScore, ...]
    modifiers: tuple[Modifier, ...] = ()
    lineages: tuple[LineageScore, ...] = ()
    codependents: tuple[CoDependent, ...] = ()
    selectivity: Selectivity | None = None
    failures: tuple[Failure, ...] = ()
    on_all_genes: bool = False
    knows_relations: bool = True
    notes: tuple[str, ...] = field(default=())
