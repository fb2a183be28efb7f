"""A store in a bucket: conditional PUTs make a name be taken once, and what is asked again is kept here.

Requests go through obstore (the Rust crate object_store), credentials through boto3's usual chain:
environment, profile, single sign-on, the role of a pod or machine.
"""

import os
import random
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import botocore.exceptions
import obstore
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from cluster.errors import MissingFileError, ReadOnlyError, RefusedError, StorageError
from cluster.store.places.cache import ContentCache, sha256
from cluster.store.places.endpoints import AMAZON_ASKED, ENDPOINTS, checked_endpoint
from cluster.store.places.paths import require_inside
from tasks.errors import BadInputError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

ATTEMPTS = 8  # of one request, about 25 seconds of waiting in all
FIRST_WAIT, LONGEST_WAIT = 0.2, 8.0  # seconds; each wait is drawn between 0 and twice the last
AT_ONCE = 16  # requests of one call that are under way together
PROBE = "probe/"
MISSING = (FileNotFoundError, NotFoundError)  # obstore raises Python's own error where there is one
TROUBLE = (BaseError, OSError)
BROKEN_OFF = ("list response body", "response body error")  # what obstore says of an answer's

Answer = TypeVar("Answer")

CONNECTION: "ClientConfig" = {"connect_timeout": "10s", "read_timeout": "60s", "timeout": "15m"}
RETRIES: "RetryConfig" = {
    "max_retries": ATTEMPTS - 1,
    "retry_timeout": timedelta(minutes=5),
    "backoff": {
        "base": 2,
        "init_backoff": timedelta(seconds=FIRST_WAIT),
        "max_backoff": timedelta(seconds=LONGEST_WAIT),
    },
}


class S3FileSystem:
    """Objects below one prefix of a bucket. Safe for many processes at once; see `filesystem.FileSystem`."""

    def __init__(self, url: str) -> None:
        self.name = url.rstrip("/")
        bucket, _, prefix = url.removeprefix("s3://").rstrip("/").partition("/")
        if not bucket:
            raise BadInputError(f"{url}: expected s3://BUCKET/PREFIX")
        self._bucket, self._prefix = bucket, f"{prefix}/" if prefix else ""
        self._cache = ContentCache()
        self._endpoint: str | None = None  # known once a request was made

    def read(self, path: str, digest: str | None = None) -> bytes:
        """All bytes of an object; a copy on this machine serves where it has the sha256 that is given."""
        if digest is not None and (kept := self._cache.read(digest)) is not None:
            return kept
        with self._trouble("reading", path):
            data = bytes(obstore.get(self._patient, self._key(path)).bytes())
        if digest is not None:
            self._cache.put(digest, data)
        return data

    def read_all(self, paths: Sequence[str], digests: Sequence[str] | None = None) -> Iterator[bytes]:
        """What `read` gives for each, in order, several fetched at a time."""
        asked = deque(zip(paths, digests or repeat(None, len(paths)), strict=True))
        if len(asked) < 2:
            yield from (self.read(path, digest) for path, digest in asked)
            return
        under_way: deque[Future[bytes]] = deque()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while asked or under_way:
                while asked and len(under_way) < AT_ONCE:
                    under_way.append(pool.submit(self.read, *asked.popleft()))
                yield under_way.popleft().result()

    def local_file(self, path: str, digest: str) -> Path:
        """A file of this machine with the object's bytes, which have that sha256."""
        data = self.read(path, digest)
        place = self._cache.place(digest)
        if not place.exists():
            why = "damaged" if sha256(data) != digest else f"no room for a copy in {place.parent}"
            raise StorageError(f"{self.name}/{path}: {why}")
        return place

    def create(self, path: str, data: bytes) -> bool:
        """Make an object unless the name is taken: a PUT with `If-None-Match: *`.

        Where an answer was lost, the object may be ours although the next try finds it there: then its bytes
        tell.
        """
        key, was_lost = self._key(path), False
        for attempt in range(ATTEMPTS):
            try:
                obstore.put(self._strict, key, data, mode="create", use_multipart=False)
            except AlreadyExistsError as error:
                if self.exists(path):
                    return was_lost and self.read(path) == data
                last: Exception = error  # refused since another was writing, who did not finish
            except (*MISSING, PermissionDeniedError, UnauthenticatedError) as error:
                raise self._explained("writing", path, error) from error
            except TROUBLE as error:
                was_lost, last = True, error
            else:
                return True
            if attempt + 1 < ATTEMPTS:
                time.sleep(_wait_before(attempt + 1))
        raise self._explained("writing", path, last) from last

    def paths(self, prefix: str) -> list[str]:
        """The paths that start with `prefix`, sorted."""
        folder = prefix.rpartition("/")[0]
        start = self._prefix + (f"{folder}/" if folder else "")
        with self._trouble("listing", prefix):
            found = _again(lambda: list(self._keys_below(start or None)))
        inside = (key.removeprefix(self._prefix) for key in found if self._is_ours(key))
        return sorted(path for path in inside if path.startswith(prefix))

    def _keys_below(self, start: str | None) -> Iterator[str]:
        return (item["path"] for chunk in obstore.list(self._patient, start) for item in chunk)

    def _is_ours(self, key: str) -> bool:
        return key.startswith(self._prefix) and not key.startswith(self._prefix + PROBE)

    def exists(self, path: str) -> bool:
        """Whether there is an object of that name."""
        try:
            self.size(path)
        except MissingFileError:
            return False
        return True

    def size(self, path: str) -> int:
        """An object's length in bytes."""
        with self._trouble("looking for", path):
            return int(obstore.head(self._patient, self._key(path))["size"])

    def delete(self, path: str) -> None:
        """Remove an object; nothing happens where there is none."""
        with self._trouble("deleting", path, missing_is_fine=True):
            _again(lambda: obstore.delete(self._patient, self._key(path)))

    def delete_all(self, paths: Sequence[str]) -> None:
        """Remove objects, several at a time."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in pool.map(self.delete, paths):
                pass

    def is_empty(self) -> bool:
        """Whether there is no object below the prefix."""
        with self._trouble("listing", ""):
            return _again(lambda: not any(map(self._is_ours, self._keys_below(self._prefix or None))))

    def require_exclusive(self) -> None:
        """Raise RefusedError where the server lets a second PUT replace what the first one wrote."""
        path = f"{PROBE}{uuid.uuid4().hex}"
        try:
            if self.create(path, b"first") and self.create(path, b"second"):
                raise RefusedError(
                    f"{self.name}: this server ignores `If-None-Match`, so that two writers could overwrite "
                    "each other's results; use one with conditional writes, as AWS S3 and SeaweedFS have"
                )
        finally:
            self.delete(path)

    @cached_property
    def _patient(self) -> S3Store:
        """For requests that may be repeated."""
        return self._store(RETRIES)

    @cached_property
    def _strict(self) -> S3Store:
        """For conditional PUTs: a repetition that nobody knows of would take its own object for another's."""
        return self._store({"max_retries": 0})

    def _store(self, retries: "RetryConfig") -> S3Store:
        try:
            session = boto3.Session()
            endpoint = self._endpoint = endpoint_of(session)
            provider = Boto3CredentialProvider(session)
        except (ValueError, botocore.exceptions.BotoCoreError) as error:
            why = "no credentials" if isinstance(error, ValueError) else str(error)
            raise StorageError(
                f"{self.name}: {why}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or "
                "give this machine a role (a node of a cluster knows what was set before its `ray start`)"
            ) from error
        options: dict[str, Any] = {} if endpoint is None else {"endpoint": endpoint}
        return S3Store(
            self._bucket,
            region=session.region_name or "us-east-1",
            client_options={**CONNECTION, "allow_http": (endpoint or "").startswith("http://")},
            retry_config=retries,
            credential_provider=provider,
            **options,
        )

    def _key(self, path: str) -> str:
        require_inside(path)
        return self._prefix + path

    @contextmanager
    def _trouble(self, doing: str, path: str, missing_is_fine: bool = False) -> Iterator[None]:
        try:
            yield
        except MISSING as error:
            if not missing_is_fine:
                raise self._explained(doing, path, error) from error
        except TROUBLE as error:
            raise self._explained(doing, path, error) from error

    def _explained(self, doing: str, path: str, error: Exception) -> StorageError:
        """What went wrong, in words, and what to do."""
        where = f"{doing} {self.name}/{path}"
        elsewhere = f". {AMAZON_ASKED}" if self._endpoint is None else ""
        text = " ".join(str(error).partition("Debug source:")[0].split())
        if "NoSuchBucket" in text:
            return StorageError(
                f"{where}: there is no bucket {self._bucket!r}; make it, or name another{elsewhere}"
            )
        if isinstance(error, MISSING):
            return MissingFileError(f"{where}: no such object; `knockcast verify` lists what is missing")
        if isinstance(error, (PermissionDeniedError, UnauthenticatedError)):
            kind = ReadOnlyError if doing == "writing" else StorageError
            return kind(
                f"{where}: not allowed; ask for the right to this bucket or choose another{elsewhere}"
            )
        return StorageError(
            f"{where}: {text[:300]}; tried {ATTEMPTS} times. Nothing committed is lost: see to the network "
            f"and the endpoint ({' or '.join(ENDPOINTS)}), then repeat the command{elsewhere}"
        )


def endpoint_of(session: boto3.Session) -> str | None:
    """The address of another S3 server than Amazon's, from where boto3 takes it; None for Amazon's.

    Raises BadInputError for what is no address, botocore's ProfileNotFound for a profile that is not there.
    """
    profile = session._session.get_scoped_config().get("endpoint_url")
    given = [(name, os.environ.get(name)) for name in ENDPOINTS] + [("endpoint_url of the profile", profile)]
    for name, url in given:
        if url:
            return checked_endpoint(name, url)
    return None


def _again(ask: Callable[[], Answer]) -> Answer:
    """What is answered, asked for again where it breaks off: what fails otherwise obstore repeats itself."""
    for attempt in range(1, ATTEMPTS):
        try:
            return ask()
        except BaseError as error:
            if not any(words in str(error) for words in BROKEN_OFF):
                raise
        time.sleep(_wait_before(attempt))
    return ask()


def _wait_before(attempt: int) -> float:
    return random.uniform(0, min(LONGEST_WAIT, FIRST_WAIT * 2**attempt))  # noqa: S311 - no secret
