"""Commands that judge results or set them beside something else: another method, gene sets, groups of samples."""
