"""scikit-learn estimators for pipelines and searches: selection of modifiers, models on them, method `best`.

`ModifierSelector` is a transformer, `ModifierRegressor` and `BestRegressor` are regressors. They take and
give arrays; all that is learned is learned in `fit`. Knows nothing of files and methods.
"""

from modeling.estimators.best import BestRegressor
from modeling.estimators.modifiers import ModifierRegressor, ModifierSelector

__all__ = ["BestRegressor", "ModifierRegressor", "ModifierSelector"]
