"""Answers from a store: `Store`, a gene's page, comparisons, predictions for new samples."""
