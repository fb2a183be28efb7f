"""Which strings are paths of files inside a store."""

from pathlib import PurePosixPath


def require_inside(path: str) -> tuple[str, ...]:
    """The parts of a path; ValueError for one that would leave the place it is relative to."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
        raise ValueError(f"{path!r} is not a path inside a store")
    return parts
