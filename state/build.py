"""Commits without an index or a work tree: only the folders on the way to a changed file are written anew."""

import time
from collections.abc import Mapping

import pygit2

BLOB, TREE = 0o100644, 0o040000


def write_tree(repo: pygit2.Repository, base: pygit2.Tree | None, changes: Mapping[str, bytes | None]) -> pygit2.Oid:
    """The tree with the files set, or removed where the content is None; `folder/` removes a folder."""
    builder = repo.TreeBuilder(base) if base is not None else repo.TreeBuilder()
    below: dict[str, dict[str, bytes | None]] = {}
    for path, content in changes.items():
        head, _, rest = path.partition("/")
        if rest:
            below.setdefault(head, {})[rest] = content
        elif path.endswith("/") or content is None:
            _remove(builder, base, head)
        else:
            builder.insert(head, repo.create_blob(content), BLOB)
    for name, inner in below.items():
        folder = write_tree(repo, _folder(repo, base, name), inner)
        if len(repo[folder]):  # type: ignore[arg-type]
            builder.insert(name, folder, TREE)
        else:
            _remove(builder, base, name)
    return builder.write()


def _folder(repo: pygit2.Repository, base: pygit2.Tree | None, name: str) -> pygit2.Tree | None:
    if base is None or name not in base:
        return None
    found = repo[base[name].id]
    return found if isinstance(found, pygit2.Tree) else None


def _remove(builder: pygit2.TreeBuilder, base: pygit2.Tree | None, name: str) -> None:
    if builder.get(name) is not None:
        builder.remove(name)


def commit(
    repo: pygit2.Repository, parents: list[str], tree: pygit2.Oid, message: str, *, name: str, email: str
) -> str:
    """A commit that no ref names yet; its id."""
    who = pygit2.Signature(name or "unknown", email or "unknown@winslow.invalid", int(time.time()), 0)
    return str(repo.create_commit(None, who, who, message, tree, parents))
