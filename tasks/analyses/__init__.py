"""What is asked of a whole run's results: pure functions from its tables to tables."""
