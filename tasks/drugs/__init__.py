"""A dataset's drugs: their targets, the models of new drugs, and the ranking for new samples."""
