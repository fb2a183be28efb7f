"""The tables of a store: their columns, and how rows become Arrow tables."""
