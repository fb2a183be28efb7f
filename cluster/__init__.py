"""Where and how the work runs: storage, Ray, commands. The only importer of Ray."""
