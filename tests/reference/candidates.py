"""The candidates as a user of scikit-learn and XGBoost would write them; nothing of ours is imported.

Each takes training features and effect and returns a function from new features to predictions.
"""

import warnings
from itertools import pairwise

import numpy as np
import xgboost
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.linear_model import LassoCV, LinearRegression, RidgeCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

RIDGE_PENALTIES = np.logspace(-2, 5, 29)


def ols_slow(features, effect):
    return make_pipeline(StandardScaler(), LinearRegression()).fit(features, effect).predict


def ridge_model(features, effect):
    return make_pipeline(StandardScaler(), RidgeCV(alphas=RIDGE_PENALTIES)).fit(features, effect)


def ridge_slow(features, effect):
    return ridge_model(features, effect).predict


def lasso_model(features, effect, tol=1e-4, max_iter=1000):
    model = make_pipeline(StandardScaler(), LassoCV(cv=3, tol=tol, max_iter=max_iter))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, effect)


def lasso_slow(features, effect):
    return lasso_model(features, effect).predict


def lasso_tight(features, effect):
    """LassoCV solved far beyond its default tolerance."""
    return lasso_model(features, effect, tol=1e-13, max_iter=100_000).predict


def tree_slow(features, effect):
    return DecisionTreeRegressor(max_depth=4, random_state=0).fit(features, effect).predict


def knn_slow(features, effect):
    return KNeighborsRegressor(min(50, len(effect)), weights="distance").fit(features, effect).predict


def gp_slow(features, effect, noisy=True):
    """(length scale, noise, log likelihood, predict). Raises LinAlgError where scikit-learn does."""
    lines, values = StandardScaler().fit(features), StandardScaler().fit(effect[:, None])
    kernel = RBF(np.sqrt(features.shape[1])) + WhiteKernel(1.0) if noisy else RBF()
    model = GaussianProcessRegressor(kernel)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(lines.transform(features), values.transform(effect[:, None])[:, 0])
    length, *noise = np.exp(model.kernel_.theta)

    def predict(new):
        return values.inverse_transform(model.predict(lines.transform(new))[:, None])[:, 0]

    return length, noise[0] if noise else 0.0, model.log_marginal_likelihood_value_, predict


def forest_slow(features, effect, random_state):
    model = RandomForestRegressor(100, max_depth=8, min_samples_leaf=5, random_state=random_state)
    return model.fit(features, effect).predict


def xgboost_slow(features, effect, kept, held):
    """(learning rate, rounds, held-out RMSE, predict) by XGBoost's scikit-learn interface."""
    settings = {"max_depth": 5, "max_bin": 64, "tree_method": "hist", "n_jobs": 1}
    best = None
    for rate in (0.05, 0.1, 0.2):
        model = xgboost.XGBRegressor(
            n_estimators=500, learning_rate=rate, early_stopping_rounds=40, eval_metric="rmse", **settings
        )
        model.fit(features[kept], effect[kept], eval_set=[(features[held], effect[held])], verbose=False)
        if best is None or model.best_score < best[2]:
            best = (rate, model.best_iteration + 1, model.best_score)
    rate, rounds, score = best
    final = xgboost.XGBRegressor(n_estimators=rounds, learning_rate=rate, **settings).fit(features, effect)
    return rate, rounds, score, final.predict


def tree_brute(features, effect, depth=4):
    """A regression tree by trying every split; ties go to the lowest feature, then the lowest threshold."""
    x = np.asarray(features, dtype=np.float32).astype(np.float64)
    root = _node(x, np.asarray(effect, dtype=np.float64), depth)

    def predict(new):
        rows = np.asarray(new, dtype=np.float32).astype(np.float64)
        return np.array([_leaf_value(root, row) for row in rows])

    return predict


def _node(x, y, depth):
    split = _best_split(x, y) if depth and np.ptp(y) > 0 else None
    if split is None:
        return np.mean(y)
    feature, threshold = split
    left = x[:, feature] <= threshold
    return feature, threshold, _node(x[left], y[left], depth - 1), _node(x[~left], y[~left], depth - 1)


def _best_split(x, y):
    best, found = np.inf, None
    for feature in range(x.shape[1]):
        values = np.unique(x[:, feature])
        for low, high in pairwise(values):
            if np.float32(high) <= np.float32(low) + np.float32(1e-7):
                continue
            left = x[:, feature] <= low
            error = left.sum() * np.var(y[left]) + (~left).sum() * np.var(y[~left])
            if found is None or error < best - 1e-12 * len(y) * np.var(y):
                best, found = error, (feature, (low + high) / 2)
    return found


def _leaf_value(node, row):
    while isinstance(node, tuple):
        feature, threshold, left, right = node
        node = left if row[feature] <= threshold else right
    return node
