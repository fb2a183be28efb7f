"""The errors a command can end with, and the exit code of each (the contract users' scripts hold on to)."""

from enum import IntEnum

from tasks.errors import BadInputError


class ExitCode(IntEnum):
    """What a command's exit status means."""

    DONE = 0
    FAILED = 1  # what nobody foresaw; a mistake of ours or of the cluster's
    BAD_INPUT = 2
    QUARANTINED = 3
    STORAGE = 4  # or the cluster: what is committed stays, and a resume does the rest
    REFUSED = 5
    INTERRUPTED = 130


class StorageError(Exception):
    """The store cannot be read or written (disk full, missing, damaged); nothing committed is lost."""


class MissingFileError(StorageError):
    """A file the store should hold is not there."""


class ReadOnlyError(StorageError):
    """The store may be read and not written."""


class DamagedFileError(StorageError):
    """A stored file's bytes do not have the sha256 its commit recorded."""


class NewerVersionError(StorageError):
    """A stored file is of a version that only a newer Knockcast reads; it is not damaged."""


class PreparationError(Exception):
    """What all shards of a fold need could not be computed; no target is to blame, so the run stops."""


class ClusterError(Exception):
    """Workers or their cluster cannot do any work now; nothing committed is lost, a resume does the rest."""


class RefusedError(Exception):
    """Refused for safety: an open address without a token, mixed code versions, a query that may not run."""


class StuckError(BadInputError):
    """Bad input that a library still works on in a thread of ours: it does not hear that it should end."""


# What the loader, Python and libraries say where memory is refused, beside MemoryError.
_REFUSED_MEMORY = (
    "failed to map segment",
    "cannot allocate memory",
    "can't start new thread",
    "out of memory",
)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether a want of memory lies behind an error: also where a library could not be loaded for it."""
    if error is None:
        return False
    said = str(error).lower()
    return (
        isinstance(error, MemoryError)
        or (
            isinstance(error, (OSError, ImportError, RuntimeError))
            and any(w in said for w in _REFUSED_MEMORY)
        )
        or is_out_of_memory(error.__cause__ or (None if error.__suppress_context__ else error.__context__))
    )


EXIT_CODES: dict[type[BaseException], ExitCode] = {
    BadInputError: ExitCode.BAD_INPUT,
    StorageError: ExitCode.STORAGE,
    OSError: ExitCode.STORAGE,  # a disk that fails while a Dataset or a release is written
    MemoryError: ExitCode.STORAGE,  # what is committed stays, as where a disk is full
    ClusterError: ExitCode.STORAGE,
    RefusedError: ExitCode.REFUSED,
    PreparationError: ExitCode.FAILED,
    KeyboardInterrupt: ExitCode.INTERRUPTED,
}
