"""Commands that judge results or set them beside something else: methods, gene sets, groups of samples."""
