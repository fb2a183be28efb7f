"""One unit of work: files to arrays to tables; no Ray."""
