"""An S3-compatible bucket between nodes that share nothing else.

    PREFIX/objects/ab/cdef…    an object under its digest, as in a store
    PREFIX/packed/ab/cdef…     a log, packed, under the digest of what it is unpacked

A put shows nothing or all of an object. Nobody locks anything, and no answer of the server is believed: what comes back
is hashed. Keys come from the environment or from a file that only its owner reads, and stand in no message.
"""

import io
import os
import stat
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from runner import extras
from runner.store import digests
from runner.store.errors import Away, MissingObject, StoreError

if TYPE_CHECKING:
    from obstore.store import S3Store
    from typing_extensions import Buffer

PART, PARTS_AT_ONCE = 8 << 20, 2
MOST_PARTS = 9_000
"""S3 takes no more than ten thousand."""
READ = 4 << 20
LONGEST = "1h"
"""For one request: a large object comes by one."""
KEYS = {
    "AWS_ACCESS_KEY_ID": "access_key_id",
    "AWS_SECRET_ACCESS_KEY": "secret_access_key",
    "AWS_SESSION_TOKEN": "session_token",
    "AWS_REGION": "region",
    "AWS_DEFAULT_REGION": "region",
    "AWS_ENDPOINT_URL": "endpoint",
    "AWS_ENDPOINT_URL_S3": "endpoint",
}
SECRET = ("access_key_id", "secret_access_key", "session_token")


class BadBucket(StoreError):
    """It cannot be used like this; the text says what to change."""


class BucketAway(Away):
    """It does not answer, or refuses; the text says why, without a key."""


def settings(environment: Mapping[str, str], file: Path | None = None) -> dict[str, str]:
    """What the store is opened with. The file has lines like the environment's, and goes first. BadBucket."""
    given = {**environment, **(_lines(file) if file else {})}
    return {option: given[name] for name, option in KEYS.items() if given.get(name)}


def _lines(file: Path) -> dict[str, str]:
    try:
        with file.open() as opened:
            found = os.fstat(opened.fileno())
            if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or found.st_uid not in (0, os.geteuid()):
                raise BadBucket(
                    f"{file} holds keys: it must be root's or this node's user's, and nobody else may read it"
                )
            pairs = [line.partition("=") for line in opened.read().splitlines() if "=" in line and line[:1] != "#"]
    except OSError as error:
        raise BadBucket(f"the file of the bucket's keys: {error}") from None
    return {name.strip(): value.strip() for name, _, value in pairs}


def named(url: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://NAME/PREFIX`. BadBucket."""
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment or "@" in parts.netloc:
        raise BadBucket("--bucket takes s3://NAME/PREFIX, and keys from the environment or --bucket-keys")
    return parts.netloc, parts.path.strip("/")


class Bucket:
    def __init__(self, url: str, given: Mapping[str, str]) -> None:
        bucket, prefix = named(url)
        self.name = f"s3://{bucket}/{prefix}".rstrip("/")
        self._secrets = [given[name] for name in SECRET if given.get(name)]
        self._store = _opened(bucket, prefix, given)
        self._kind = "objects"

    @property
    def packed(self) -> "Bucket":
        """The same bucket, of what is packed. What comes from there is no content of its digest as it is."""
        other = copy(self)
        other._kind = "packed"
        return other

    def has(self, digest: str, size: int) -> bool:
        """Whether it lies there with this size. BucketAway."""
        import obstore

        try:
            return obstore.head(self._store, self._key(digest))["size"] == size
        except FileNotFoundError:
            return False
        except Exception as error:
            raise self._away(error) from None

    def put(self, digest: str, path: Path) -> None:
        """In place of what lies there. BucketAway."""
        import obstore

        size = path.stat().st_size
        part = max(PART, -(-size // MOST_PARTS))
        try:
            obstore.put(self._store, self._key(digest), path, chunk_size=part, max_concurrency=PARTS_AT_ONCE)
        except Exception as error:
            raise self._away(error) from None

    def open(self, digest: str) -> "Pieces":
        """MissingObject, BucketAway; while it is read BucketAway."""
        import obstore

        try:
            answer = obstore.get(self._store, self._key(digest))
            return Pieces(iter(answer.stream(min_chunk_size=READ)), self, ahead=answer.meta["size"] > READ)
        except FileNotFoundError:
            raise MissingObject(f"{self.name} has no {digest}") from None
        except Exception as error:
            raise self._away(error) from None

    def _key(self, digest: str) -> str:
        if not digests.is_digest(digest):
            raise StoreError(f"{digest[:80]!r} is no digest")
        name = digest.removeprefix(digests.PREFIX)
        return f"{self._kind}/{name[:2]}/{name[2:]}"

    def _away(self, error: Exception) -> BucketAway:
        text = str(error).split("\n\nDebug source")[0].strip()
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return BucketAway(f"the bucket {self.name} does not answer, or refuses: {text[:500]}")


class Pieces(io.RawIOBase):
    """An object as it comes, never more of it in memory than a few pieces.

    `ahead`: the next piece is under way while one is read.
    """

    def __init__(self, pieces: "Iterator[Buffer]", bucket: Bucket, *, ahead: bool) -> None:
        self._pieces, self._bucket, self._left = pieces, bucket, memoryview(b"")
        self._ahead = ThreadPoolExecutor(1, "bucket") if ahead else None
        self._asked: Future[Buffer | None] | None = None
        if self._ahead:
            self._asked = self._ahead.submit(next, self._pieces, None)

    def _next(self) -> "Buffer | None":
        if self._ahead is None or self._asked is None:
            return next(self._pieces, None)
        piece = self._asked.result()
        self._asked = self._ahead.submit(next, self._pieces, None)
        return piece

    def close(self) -> None:
        if self._ahead:
            self._ahead.shutdown(wait=False, cancel_futures=True)
        super().close()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(READ), b""))
        try:
            while not self._left:
                piece = self._next()
                if piece is None:
                    return b""
                self._left = memoryview(piece)
        except Exception as error:
            raise self._bucket._away(error) from None
        part, self._left = self._left[:size], self._left[size:]
        return bytes(part)


def _opened(bucket: str, prefix: str, given: Mapping[str, str]) -> "S3Store":
    try:
        from obstore.store import S3Store
    except ImportError:
        raise BadBucket(extras.lacking(extras.BUCKET)) from None
    endpoint = given.get("endpoint", "")
    plain = endpoint.startswith("http://")
    try:
        return S3Store(
            bucket,
            prefix=prefix or None,
            virtual_hosted_style_request=not endpoint,
            client_options={"allow_http": plain, "connect_timeout": "10s", "read_timeout": "60s", "timeout": LONGEST},
            retry_config={"max_retries": 3},
            **{"region": "us-east-1", **given},  # type: ignore[arg-type]
        )
    except Exception:
        raise BadBucket(f"s3://{bucket}/{prefix} cannot be opened: look at its endpoint, region and keys") from None
