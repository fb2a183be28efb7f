"""What a trainer does for one fold: go on from the last checkpoint, train, and commit like any shard."""
