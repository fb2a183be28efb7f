"""What a worker process does with one shard: prepare its fold, fit, commit."""
