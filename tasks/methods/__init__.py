"""What `--method` names: how a method prepares a fold, fits a block of targets, and stores its models.

`method.Method` says what a method is; each module's `METHODS` holds some; `registry` finds them all, those of
other installed packages too; `shard` runs one. Nothing outside this room names a method, but for figures and
commands of one. Knows nothing of stores and Ray.
"""

# What `run` models where no method is named; `predict` takes what is stored.
DEFAULT_METHODS = ("modifiers", "best")
