"""What every method shares: the panel of matrices, folds, settings, one target's fit, and its rows."""
