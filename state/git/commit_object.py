"""Reads a commit from its bytes. Git takes commits that libgit2 refuses: without an author, in any character set, with
dates of any year. None of that may stop anybody, so nothing but the ids of tree and parents has to be well-formed.
"""

import codecs
import re
from dataclasses import dataclass

from state.contract.commit_message import clean

MOST_HEAD = MOST_MESSAGE = 65_536
"""Bytes that are read of what stands before a message, and of the message."""
LATEST = 253_402_300_799
"""The last second of the year 9999: what is later is no time that anybody can be told."""
_TREE = re.compile(rb"tree ([0-9a-f]{40})(?:\n|\Z)")
_PARENT = re.compile(rb"parent ([0-9a-f]{40})(?:\n|\Z)")
_WHO = re.compile(rb"(?P<name>[^<>\n]*)(?:<(?P<email>[^<>\n]*)>?)?(?P<rest>[^\n]*)")
_SECONDS = re.compile(rb"[ >]*(-?[0-9]{1,30})(?: |\Z)")
_NO_TEXT = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "utf-7"})
"""Names of codecs that are no character set anybody writes in, and that are slow or answer with warnings."""


@dataclass(frozen=True, slots=True)
class CommitObject:
    """`author` is `Name <address>`; `commit_time` is in seconds since 1970, by the committer's clock."""

    id: str
    tree_id: str
    parent_ids: tuple[str, ...]
    author: str
    commit_time: int
    message: str


def parse_commit(oid: str, raw: bytes) -> CommitObject:
    """ValueError where not even a tree is named: no git takes that."""
    tree = _TREE.match(raw)
    if tree is None:
        raise ValueError("it names no tree")
    parents, at = list[str](), tree.end()
    while parent := _PARENT.match(raw, at):
        parents.append(parent[1].decode("ascii"))
        at = parent.end()
    end = raw.find(b"\n\n", at - 1)
    fields = _fields(raw[at : end if end >= 0 else len(raw)][:MOST_HEAD])
    charset = fields.get(b"encoding", b"").decode("ascii", "replace")
    return CommitObject(
        id=oid,
        tree_id=tree[1].decode("ascii"),
        parent_ids=tuple(parents),
        author=_author(fields.get(b"author", b""), charset),
        commit_time=_seconds(fields.get(b"committer", b"")),
        message=text_in(raw[end + 2 :][:MOST_MESSAGE] if end >= 0 else b"", charset),
    )


def _fields(head: bytes) -> dict[bytes, bytes]:
    """The first of each name; lines that begin with a space go on with the one before, and are of no interest."""
    found: dict[bytes, bytes] = {}
    for line in head.split(b"\n"):
        name, _, value = line.partition(b" ")
        if name:
            found.setdefault(name, value)
    return found


def _author(value: bytes, charset: str) -> str:
    match = _WHO.match(value)
    name, email = (match["name"], match["email"] or b"") if match else (b"", b"")
    return f"{clean(text_in(name, charset)) or 'unknown'} <{clean(text_in(email, charset))}>"


def _seconds(value: bytes) -> int:
    match = _SECONDS.match(value.rpartition(b">")[2])
    return max(0, min(int(match[1]), LATEST)) if match else 0


def text_in(raw: bytes, charset: str = "") -> str:
    """What the bytes say in the character set that is named, or in UTF-8; what is of neither is replaced."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        pass
    try:
        if charset and codecs.lookup(charset).name not in _NO_TEXT:
            return raw.decode(charset, "replace")
    except (LookupError, ValueError):
        pass
    return raw.decode(errors="replace")
