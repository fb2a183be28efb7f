"""Predictions of whole vectors: a gene's or a drug's profile across cell lines, and drugs ranked."""
