"""Objects of which git's own check says nothing, for certain. What is doubtful is not sound: git has to look at it."""

import re

Entry = tuple[bytes, bytes, bytes]
"""Mode in octal digits, name, and the id in bytes, as they stand in a folder's object."""
FOLDER = b"40000"
_ENTRY = re.compile(rb"(40000|100644|100755|120000) ([^\0/]+)\0(.{20})", re.DOTALL)
_WHO = rb"[^<>\n\0 ][^<>\n\0]* <[^<>\n\0 ]+> (?:0|[1-9][0-9]{0,10}) [+-][0-9]{4}\n"
_COMMIT = re.compile(
    rb"tree (?P<tree>[0-9a-f]{40})\n(?:parent (?P<parent>[0-9a-f]{40})\n)?"
    rb"author " + _WHO + rb"committer " + _WHO + rb"\n[^\0]*"
)
_GIT_NAME = re.compile(rb"\.git[a-z]+(-[a-z]+)*(\.[a-z]+)?")
"""As `.gitlab-ci.yml`; git reads others of its own, or a file system might."""
_SPECIAL = frozenset({b".gitmodules", b".gitattributes", b".gitignore"})
_NOWHERE = bytes(20)


def commit_of(raw: bytes) -> tuple[str, str] | None:
    """The tree of a sound commit and its parent, which may be none; None for another one, and for a merge."""
    found = _COMMIT.fullmatch(raw)
    return (found["tree"].decode(), (found["parent"] or b"").decode()) if found else None


def entries_of(raw: bytes) -> list[Entry] | None:
    """The entries of a folder that is written as git writes it; None for another one. Their names are not looked at."""
    found: list[Entry] = _ENTRY.findall(raw)
    keys = [name + b"/" if mode == FOLDER else name for mode, name, _ in found]
    whole = sum(len(mode) + len(name) + 22 for mode, name, _ in found) == len(raw)
    ordered = keys == sorted(keys) and len({name for _, name, _ in found}) == len(found)
    return found if whole and ordered else None


def is_sound_entry(entry: Entry) -> bool:
    """Of a name that some file system might take for one of git's own, git is asked."""
    _, name, oid = entry
    plain = bytes(byte for byte in name.lower() if byte < 128)
    own = plain.startswith(b".git") and (not _GIT_NAME.fullmatch(plain) or plain != name.lower())
    doubtful = own or plain in _SPECIAL or b"~" in name or b"\\" in name
    return not doubtful and name not in (b".", b"..") and oid != _NOWHERE
