"""What a run is: its options, the units it wants, what they depend on and cost, and `run` itself."""
