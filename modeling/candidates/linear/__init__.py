"""Linear candidates: least squares, ridge and the lasso with its own coordinate descent."""
