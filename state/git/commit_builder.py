"""Commits without an index or a work tree: only the folders on the way to a changed file are written anew."""

import re
import time
from collections.abc import Mapping

import pygit2
from pygit2.enums import ObjectType

from state.git.clone import folder

BLOB, TREE = 0o100644, 0o040000
_FORBIDDEN = frozenset({"", ".", "..", ".git", ".gitmodules", "git~1"})
Contents = Mapping[str, bytes | None]
_AUTHOR = re.compile(r"(?P<name>[^<>]*)(?:<(?P<email>[^<>]*)>)?")
_UNFIT = re.compile(r"[\x00-\x1f\x7f<>]+")


class BadPath(ValueError):
    """No file of a tree can be called that."""


def write_tree(repo: pygit2.Repository, base: pygit2.Tree | None, changes: Contents) -> pygit2.Oid:
    """The tree with the files set, or removed where the content is None. `folder/` removes a folder, before all else.

    BadPath for a name that leaves the tree or means something to git.
    """
    for path in changes:
        _check(path)
    return _written(repo, base, changes)


def _check(path: str) -> None:
    for name in path.removesuffix("/").split("/"):
        if name.lower() in _FORBIDDEN or "\0" in name:
            raise BadPath(f"{path[:200]!r} is no path of a file in a repository")


def _written(repo: pygit2.Repository, base: pygit2.Tree | None, changes: Contents) -> pygit2.Oid:
    builder = repo.TreeBuilder(base) if base is not None else repo.TreeBuilder()
    below: dict[str, dict[str, bytes | None]] = {}
    emptied = {path.removesuffix("/") for path in changes if path.endswith("/") and path.count("/") == 1}
    for path, content in changes.items():
        head, _, rest = path.partition("/")
        if rest:
            below.setdefault(head, {})[rest] = content
        elif content is not None:
            builder.insert(head, repo.create_blob(content), BLOB)
        else:
            _remove(builder, head)
    for name, inner in below.items():
        fresh = _written(repo, None if name in emptied else _folder(repo, base, name), inner)
        if repo.odb.read_header(fresh)[1]:
            builder.insert(name, fresh, TREE)
        elif name not in changes:
            _remove(builder, name)
    return builder.write()


def _folder(repo: pygit2.Repository, base: pygit2.Tree | None, name: str) -> pygit2.Tree | None:
    if base is None or name not in base:
        return None
    return folder(repo, str(base[name].id))


def _remove(builder: pygit2.TreeBuilder, name: str) -> None:
    if builder.get(name) is not None:
        builder.remove(name)


def commit(repo: pygit2.Repository, parents: list[str], tree: pygit2.Oid, message: str, *, author: str) -> str:
    """A commit that no ref names yet; its id. `author` is `Name <address>`.

    Written as bytes: libgit2 builds on no commit that it cannot read itself, and git takes many such.
    """
    name, email = name_and_address(author)
    who = f"{name} <{email}> {int(time.time())} +0000"
    lines = [f"tree {tree}", *(f"parent {oid}" for oid in parents), f"author {who}", f"committer {who}"]
    said = message.replace("\0", " ")
    raw = "\n".join(lines) + f"\n\n{said}"
    return str(repo.odb.write(int(ObjectType.COMMIT), raw.encode(errors="replace")))


def name_and_address(author: str) -> tuple[str, str]:
    """What a commit may hold of `Name <address>`."""
    match = _AUTHOR.match(author)
    name, email = (match["name"], match["email"]) if match else ("", "")
    return _fit(name) or "unknown", _fit(email or "").replace(" ", "") or "unknown@winslow.invalid"


def _fit(text: str) -> str:
    return _UNFIT.sub(" ", text)[:200].strip(" .,;:\"'\\")
