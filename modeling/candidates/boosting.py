"""Gradient-boosted trees by XGBoost."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float64, UInt8

from modeling.candidates.base import FitCost, SingleProblemCandidate
from modeling.candidates.fitted import Arrays, Fitted, StoredModel
from modeling.candidates.problem import Problem
from modeling.splits import Split, hold_out_tenth

LEARNING_RATES = (0.05, 0.1, 0.2)
ROUNDS = 500
PATIENCE = 40
MAX_DEPTH = 5
MAX_BIN = 64


@dataclass(frozen=True, eq=False)
class BoosterModel:
    """A booster as the bytes of XGBoost's UBJ format.

    Parsing damaged UBJ can crash the process: compare the bytes' hash with the one stored before restoring.
    """

    ubj: UInt8[np.ndarray, " bytes"]

    @cached_property
    def _booster(self) -> Any:
        # Late: importing XGBoost takes half a second that the preset `quick` should not pay.
        import xgboost  # noqa: PLC0415

        booster = xgboost.Booster({"nthread": 1})
        booster.load_model(bytearray(self.ubj.tobytes()))
        return booster

    def predict(self, features: Float64[np.ndarray, "lines features"]) -> Float64[np.ndarray, " lines"]:
        """Predicted effect for raw features; the library computes in float32."""
        predicted: np.ndarray = self._booster.inplace_predict(features)
        return predicted.astype(np.float64)

    def contributions(
        self, features: Float64[np.ndarray, "lines features"]
    ) -> Float64[np.ndarray, "lines features_and_bias"]:
        """SHAP values (Lundberg 2020, TreeSHAP, the library's own): each feature's share of a prediction.

        The last column is the mean prediction; a row adds up to its prediction, to float32's rounding.
        """
        import xgboost  # noqa: PLC0415 (late, as above)

        data = xgboost.DMatrix(features, nthread=1)
        found: np.ndarray = self._booster.predict(data, pred_contribs=True)
        return found.astype(np.float64)

    def gains(self, n_features: int) -> Float64[np.ndarray, " features"]:
        """Each feature's share of all that splits took off the training error, adding up to 1 (0 unused)."""
        found = self._booster.get_score(importance_type="total_gain")
        gains = np.array([float(found.get(f"f{at}", 0.0)) for at in range(n_features)])
        return gains / gains.sum() if gains.sum() > 0 else gains

    def arrays(self) -> Arrays:
        """`ubj`, the booster's bytes."""
        return {"ubj": self.ubj}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "BoosterModel":
        """The model that `arrays` was taken of; parsed when it first predicts."""
        return cls(arrays["ubj"])


@dataclass(frozen=True)
class Boosting(SingleProblemCandidate):
    """XGBoost: depth 5, at most 500 rounds, 64 bins; learning rate and rounds chosen on 10% of the lines.

    The held-out lines are drawn by the problem's seed. For each learning rate, boosting stops when their
    RMSE has not fallen for 40 rounds; the rate with the lowest RMSE (the smaller at a tie) and its number of
    rounds are then fitted to all lines.
    """

    name: str = "xgboost"
    summary: str = "gradient-boosted trees (XGBoost)"
    cost: FitCost = FitCost(0.09)
    model: ClassVar[type[StoredModel]] = BoosterModel

    def fit_one(self, problem: Problem) -> Fitted:
        """As the class says."""
        import xgboost  # noqa: PLC0415 (late, as above)

        rate, rounds, error = _choose(xgboost, problem)
        data = _matrix(xgboost, problem)
        booster = xgboost.train(_settings(rate), data, num_boost_round=rounds)
        model = BoosterModel(np.frombuffer(bytes(booster.save_raw("ubj")), dtype=np.uint8))
        parameters = {"learning_rate": rate, "rounds": rounds, "held_out_rmse": error}
        return Fitted(self.name, model, parameters)


def validation_split(problem: Problem) -> Split:
    """Lines to boost on and lines (10%) that stop it, drawn by the problem's seed."""
    return hold_out_tenth(problem.n_lines, problem.seed, "xgboost")


def _choose(xgboost: Any, problem: Problem) -> tuple[float, int, float]:
    """Learning rate, number of rounds and held-out RMSE of the best early-stopped booster."""
    kept, held = validation_split(problem)
    train = _matrix(xgboost, problem.take(kept))
    validation = _matrix(xgboost, problem.take(held), bins_of=train)
    tried = []
    for rate in LEARNING_RATES:
        booster = xgboost.train(
            _settings(rate),
            train,
            num_boost_round=ROUNDS,
            evals=[(validation, "held_out")],
            early_stopping_rounds=PATIENCE,
            verbose_eval=False,
        )
        tried.append((float(booster.best_score), rate, int(booster.best_iteration) + 1))
    error, rate, rounds = min(tried)
    return rate, rounds, error


def _matrix(xgboost: Any, problem: Problem, bins_of: Any = None) -> Any:
    return xgboost.QuantileDMatrix(
        problem.features, label=problem.effect, max_bin=MAX_BIN, nthread=1, ref=bins_of
    )


def _settings(rate: float) -> dict[str, object]:
    return {
        "objective": "reg:squarederror",
        "eval_metric": "rmse",
        "tree_method": "hist",
        "learning_rate": rate,
        "max_depth": MAX_DEPTH,
        "max_bin": MAX_BIN,
        "nthread": 1,
        "verbosity": 0,
    }


CANDIDATES = (Boosting(),)
