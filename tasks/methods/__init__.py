"""What `--method` names: how a method prepares a fold, fits a block of targets, and stores its models."""
