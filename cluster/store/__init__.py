"""The Parquet store: layout, file system, commit protocol, readers."""
