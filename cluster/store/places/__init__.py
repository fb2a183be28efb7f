"""Where files are kept: a folder, or a bucket with copies on this machine."""
