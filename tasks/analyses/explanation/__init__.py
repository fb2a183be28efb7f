"""What carries one target's predictions, from its lines and what a store keeps of its models.

Start with `explain.explain`: arrays and rows in, frames out. Knows no store, draws nothing.
"""
