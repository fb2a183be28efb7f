"""What a store answers when asked for one gene or a list of genes: evidence gathered, verdicts shown.

`gather` reads a store into the values that `tasks.analyses.answer` judges; `text` and `page` show a verdict.
Nothing here computes what a table does not hold, or writes into a store.
"""
