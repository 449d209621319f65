"""What a push brings, and what is there beside it; here asked of the git program."""

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

ZERO = "0" * 40


@dataclass(frozen=True, slots=True)
class PushedFile:
    mode: str
    blob: str
    path: str
    before: str = ZERO


class PushSource(Protocol):
    """What is asked about a push. RuntimeError, or an error of git's library, where it cannot be told."""

    def changes(self, old: str, new: str) -> Iterator[PushedFile]: ...

    def sizes(self, blobs: Sequence[str]) -> dict[str, int]: ...

    def contents(self, blobs: Sequence[str]) -> dict[str, bytes]: ...

    def there(self, commit: str, paths: Sequence[str]) -> dict[str, str]:
        """Path to blob of those that are in the tree of a commit, or of a ref."""
        ...

    def names(self, commit: str, folder: str) -> list[str]:
        """What lies in a folder of a commit, or of a ref; nothing where there is none."""
        ...


class PushByProgram:
    """Inside the repository, with the push's quarantine in the environment."""

    def changes(self, old: str, new: str) -> Iterator[PushedFile]:
        base = old if old != ZERO else git(["hash-object", "-t", "tree", "--stdin"]).decode().strip()
        fields = git(["diff-tree", "-r", "-z", "--no-renames", base, new]).decode(errors="replace").split("\0")
        for head, path in zip(fields[::2], fields[1::2], strict=False):
            _, mode, before, blob, _ = head.lstrip(":").split(" ")
            yield PushedFile(mode, blob, path, before)

    def sizes(self, blobs: Sequence[str]) -> dict[str, int]:
        out = git(["cat-file", "--batch-check=%(objectname) %(objectsize)"], "\n".join(blobs)).decode()
        return {oid: int(size) for oid, size in (line.split() for line in out.splitlines())}

    def contents(self, blobs: Sequence[str]) -> dict[str, bytes]:
        out, found, at = git(["cat-file", "--batch=%(objectname) %(objectsize)"], "\n".join(blobs)), {}, 0
        while at < len(out):
            end = out.index(b"\n", at)
            oid, size = out[at:end].decode().split()
            found[oid] = out[end + 1 : end + 1 + int(size)]
            at = end + 2 + int(size)
        return found

    def there(self, commit: str, paths: Sequence[str]) -> dict[str, str]:
        """Path to blob of those that are in the tree of a commit, or of a ref."""
        asked = [path for path in paths if "\n" not in path] if commit != ZERO else []
        if not asked:
            return {}
        given = "".join(f"{commit}:{path}\n" for path in asked)
        out = git(["cat-file", "--batch-check=%(objectname) %(objecttype)"], given).decode(errors="replace")
        lines = zip(asked, out.splitlines(), strict=False)
        return {path: line.split()[0] for path, line in lines if line.endswith(" blob")}

    def names(self, commit: str, folder: str) -> list[str]:
        """What lies in a folder of a commit, or of a ref; nothing where there is none."""
        done = subprocess.run(
            ["git", "ls-tree", "-z", "--name-only", commit, f"{folder}/"], capture_output=True, check=False
        )
        return [path.rpartition("/")[2] for path in done.stdout.decode(errors="replace").split("\0") if path]


def texts(source: PushSource, commit: str, paths: Sequence[str], most: int) -> dict[str, bytes]:
    """Path to content of those that are there; without what is larger than `most` bytes."""
    blobs = source.there(commit, paths)
    measured = source.sizes(sorted(set(blobs.values()))) if blobs else {}
    small = sorted(blob for blob, size in measured.items() if size <= most)
    read = source.contents(small) if small else {}
    return {path: read[blob] for path, blob in blobs.items() if blob in read}


def git(arguments: Sequence[str], given: str = "") -> bytes:
    done = subprocess.run(["git", *arguments], input=given.encode(), capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
