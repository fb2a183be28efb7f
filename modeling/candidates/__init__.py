"""The model families that automatic selection chooses among for a target's modifiers.

A candidate fits `Problem`s and returns `Fitted`s (`base.Candidate`); `registry` knows them all and brings a
stored model back; `choice` picks one for each target. Knows nothing of how the modifiers were selected.
"""
