"""Commands that set results beside something else: another method or screen, gene sets, groups of samples."""
