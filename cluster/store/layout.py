"""The paths of a store's files: composed and parsed here, and nowhere else."""

import hashlib
import re

from cluster.store.units import Unit, unit_name

RUN = "run.json"
SUCCESS = "_SUCCESS"
PLANS, ATTEMPTS, COMMITS, QUARANTINE = "plans/", "attempts/", "commits/", "quarantine/"
DATA, FILES, ASIDE, TARGETS, TRAINING = "data/", "files/", "aside/", "targets/", "training/"
CHECKPOINTS, ANALYSES, CELL_LINES, LEASES = "checkpoints/", "analyses/", "cell_lines/", "leases/"
PACKS = "packs/"
ENDED = "ended"
ESTIMATES = "estimates/"
# Lies among the commits of a store with packs: releases before packs meet its format, and refuse the store.
SIGNPOST = f"{COMMITS}{hashlib.sha256(b'packs').hexdigest()}.json"

_ATTEMPT = re.compile(r"attempts/([0-9a-f]{64})/([0-9]+)(\.failed)?\.json")
_COMMIT = re.compile(r"commits/([0-9a-f]{64})\.json")
_PAYLOAD = re.compile(r"(?:data/[a-z_]+|files)/([0-9a-f]{64})\.([0-9]+)(?:r[0-9]+)?\.[a-z0-9]+")
_CHECKPOINT = re.compile(r"checkpoints/([0-9a-f]{64})/([0-9]{6}-[0-9]+-[a-z]+)\.([0-9a-f]{64})\.safetensors")
_RESULT = re.compile(r"analyses/([0-9a-f]{64})/([0-9]+)\.json")
_RESULT_FILE = re.compile(r"analyses/([0-9a-f]{64})/([0-9]+)\.([a-z_]+)\.([0-9a-f]{64})\.parquet")
_LEASE = re.compile(r"leases/([0-9]{1,9})(?:\.([0-9]{1,9}|ended))?\.json")
_ESTIMATE = re.compile(r"estimates/([0-9]{1,9})\.json")
_PACK = re.compile(r"packs/([0-9a-f]{64})\.(json|begun\.json|[a-z_]+\.[0-9a-f]{64}\.(?:json|parquet))")
_TABLE = re.compile(r"data/([a-z_]+)/")


def plan_path(digest: str) -> str:
    """Where the units one `run` wants are listed."""
    return f"{PLANS}{digest}.json"


def attempt_path(key: str, attempt: int) -> str:
    """Created before work on a shard starts; that it exists reserves the number."""
    return f"{ATTEMPTS}{key}/{attempt}.json"


def failed_path(key: str, attempt: int) -> str:
    """Created when an attempt was seen to fail."""
    return f"{ATTEMPTS}{key}/{attempt}.failed.json"


def commit_path(key: str) -> str:
    """Created last: the files it lists, and no others, are part of the store."""
    return f"{COMMITS}{key}.json"


def quarantine_path(unit: Unit) -> str:
    """The errors of a unit that failed too often."""
    return f"{QUARANTINE}{unit_name(unit)}.json"


def data_path(table: str, key: str, attempt: int, rerun: int = 0) -> str:
    """A shard's rows of one table; `rerun` where Ray ran the same attempt again."""
    return f"{DATA}{table}/{key}.{_tag(attempt, rerun)}.parquet"


def file_path(key: str, attempt: int, extension: str, rerun: int = 0) -> str:
    """A shard's weights or boosters."""
    return f"{FILES}{key}.{_tag(attempt, rerun)}.{extension}"


def targets_path(digest: str) -> str:
    """The facts of the dataset's targets, named by the digest of their body."""
    return f"{TARGETS}{digest}.json"


def cell_lines_path(dataset_hash: str) -> str:
    """What is known of the dataset's cell lines: one file, written by the first run."""
    return f"{CELL_LINES}{dataset_hash}.json"


def training_path(sha256: str) -> str:
    """The expression that final models on all genes predict from, named by its own sha256."""
    return f"{TRAINING}{sha256}.safetensors"


def checkpoint_path(key: str, name: str, sha256: str) -> str:
    """How far a training is; `name` sorts by progress, the sha256 is the file's own."""
    return f"{CHECKPOINTS}{key}/{name}.{sha256}.safetensors"


def checkpoints_of(key: str) -> str:
    """The folder of a shard's checkpoints."""
    return f"{CHECKPOINTS}{key}/"


def checkpoint_of(path: str) -> tuple[str, str, str] | None:
    """(key, name, sha256) of a checkpoint's path; None for anything else."""
    match = _CHECKPOINT.fullmatch(path)
    return (match[1], match[2], match[3]) if match else None


def result_path(key: str, number: int) -> str:
    """Created last: what a command added to the store. Of one key the highest number counts."""
    return f"{ANALYSES}{key}/{number}.json"


def result_file_path(key: str, number: int, table: str, sha256: str) -> str:
    """The rows of one table of a command's result; the sha256 is the file's own."""
    return f"{ANALYSES}{key}/{number}.{table}.{sha256}.parquet"


def results_of(key: str) -> str:
    """The folder of one result's records and files."""
    return f"{ANALYSES}{key}/"


def result_of(path: str) -> tuple[str, int] | None:
    """(key, number) of the record of a command's result; None for anything else."""
    match = _RESULT.fullmatch(path)
    return (match[1], int(match[2])) if match else None


def result_file_of(path: str) -> tuple[str, int, str, str] | None:
    """(key, number, table, sha256) of a file of a command's result; None for anything else."""
    match = _RESULT_FILE.fullmatch(path)
    return (match[1], int(match[2]), match[3], match[4]) if match else None


def aside_path(path: str, copy: int) -> str:
    """Where `verify --repair` moves a bad file; `copy` counts up where the name is taken."""
    return f"{ASIDE}{path}" if copy == 0 else f"{ASIDE}{path}.{copy}"


def pack_path(name: str) -> str:
    """Created last: from then on, what it lists counts in place of the commits it was made of."""
    return f"{PACKS}{name}.json"


def pack_begun_path(name: str) -> str:
    """Created before the files of a pack, removed once the pack is there."""
    return f"{PACKS}{name}.begun.json"


def pack_rows_path(name: str, table: str, sha256: str) -> str:
    """A pack's rows of one table; the sha256 is the file's own."""
    return f"{PACKS}{name}.{table}.{sha256}.parquet"


def pack_attempts_path(name: str, sha256: str) -> str:
    """What was recorded of the attempts that a pack's commits came from; the sha256 is the file's own."""
    return f"{PACKS}{name}.attempts.{sha256}.json"


def pack_of(path: str) -> str | None:
    """The name of a pack, of its own path; None for anything else."""
    match = _PACK.fullmatch(path)
    return match[1] if match and match[2] == "json" else None


def owning_pack(path: str) -> str | None:
    """The name of the pack that a path under packs/ is of, whichever of its files; None for anything else."""
    match = _PACK.fullmatch(path)
    return match[1] if match else None


def key_of_commit(path: str) -> str | None:
    """The key a commit's path names; None where it is no commit's path."""
    match = _COMMIT.fullmatch(path)
    return match[1] if match and path != SIGNPOST else None


def attempt_of(path: str) -> tuple[str, int, bool] | None:
    """(key, attempt, whether it is a failure) of a path under attempts; None for anything else."""
    match = _ATTEMPT.fullmatch(path)
    return (match[1], int(match[2]), match[3] is not None) if match else None


def lease_path(number: int, sign: str = "") -> str:
    """Created when a driver begins; with `sign`, a later sign of its life (a count), or that it has ended."""
    return f"{LEASES}{number}{'.' if sign else ''}{sign}.json"


def lease_of(path: str) -> tuple[int, str] | None:
    """(number, sign) of a lease's path, signs in the order of their counts; None for anything else."""
    match = _LEASE.fullmatch(path)
    return (int(match[1]), (match[2] or "").zfill(9) if match[2] != ENDED else ENDED) if match else None


def estimate_path(number: int) -> str:
    """What a run was thought to take; of several the highest number counts."""
    return f"{ESTIMATES}{number}.json"


def estimate_of(path: str) -> int | None:
    """The number of an estimate's path; None for anything else."""
    match = _ESTIMATE.fullmatch(path)
    return int(match[1]) if match else None


def owner_of(path: str) -> tuple[str, int] | None:
    """(key, attempt) that wrote a data or weights file; None for anything else."""
    match = _PAYLOAD.fullmatch(path)
    return (match[1], int(match[2])) if match else None


def table_of(path: str) -> str | None:
    """The table a data file belongs to; None for other files."""
    match = _TABLE.match(path)
    return match[1] if match else None


def _tag(attempt: int, rerun: int) -> str:
    return f"{attempt}r{rerun}" if rerun else str(attempt)
