"""What is taken for sound is what `git fsck --strict` has nothing to say about."""

import subprocess
from pathlib import Path

import pygit2
import pytest
from pygit2.enums import ObjectType

from state.direct.sound import commit_of, entries_of, is_sound_entry

BLOB = bytes.fromhex("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
NAMES = [
    b"a", b"README.md", b"0001-s.yaml", b".gitlab-ci.yml", b"x.git", "ü.yaml".encode(), b"a b", b"-", b".git", b".GIT",
    b".git ", b".git.", b"git~1", b".gitmodules", b".gitattributes", b".gitignore", ".g\u200cit".encode(),
    ".git\u200cmodules".encode(), b".git:x", b"a\\.git", b"gi7eba~1", b".", b"..", b".git\\x", b".gitmodules ",
    b"\xff.git",
]  # fmt: skip
PLAIN = NAMES[:8]


def tree(*rows: tuple[bytes, bytes, bytes]) -> bytes:
    return b"".join(mode + b" " + name + b"\0" + oid for mode, name, oid in rows)


def sound_tree(raw: bytes) -> bool:
    entries = entries_of(raw)
    return entries is not None and all(map(is_sound_entry, entries))


TREES = [
    *(tree((b"100644", name, BLOB)) for name in NAMES),
    *(tree((b"120000", name, BLOB)) for name in NAMES),
    tree((b"100644", b"b", BLOB), (b"100644", b"a", BLOB)),
    tree((b"100644", b"a", BLOB), (b"100644", b"a", BLOB)),
    tree((b"100644", b"a", BLOB), (b"100755", b"a", BLOB)),
    tree((b"100664", b"a", BLOB)), tree((b"0100644", b"a", BLOB)), tree((b"100644", b"a/b", BLOB)),
    tree((b"100644", b"", BLOB)), tree((b"100644", b"a", bytes(20))), tree((b"100644", b"a", BLOB))[:-1],
    tree((b"160000", b"a", BLOB)), b"rubbish", b"",
]  # fmt: skip
HEAD = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
WHO = b"A <a@b> 1700000000 +0000\n"
COMMITS = [
    HEAD + b"author " + WHO + b"committer " + WHO + b"\nhello\n",
    HEAD + b"author " + WHO + b"committer " + WHO + b"\n",
    *(
        HEAD + b"author " + who + b"\ncommitter " + WHO + b"\nx"
        for who in (
            b"<a@b> 1 +0000", b" <a@b> 1 +0000", b"A a@b 1 +0000", b"A <a@b>1 +0000", b"A <a@b> 01 +0000",
            b"A <a@b> 99999999999999999999 +0000", b"A <a@b> 1 0000", b"A <a@b> 1 +00000", b"A <a<b> 1 +0000",
            b"A> <a@b> 1 +0000", b"A <> 1 +0000", b"A <a@b>  1 +0000", b"A\0 <a@b> 1 +0000",
        )
    ),
    HEAD + b"author " + WHO + b"committer " + WHO + b"\nnul\0",
    HEAD + b"committer " + WHO + b"author " + WHO + b"\nx",
    HEAD + b"author " + WHO + b"author " + WHO + b"committer " + WHO + b"\nx",
    b"tree 12\nauthor " + WHO + b"committer " + WHO + b"\nx",
]  # fmt: skip


def complaints(folder: Path, kind: str, raw: bytes) -> str:
    subprocess.run(["git", "init", "-q", "--bare", str(folder)], check=True)
    repo = pygit2.Repository(str(folder))
    repo.create_blob(b"")
    repo.TreeBuilder().write()
    command = ["git", "--git-dir", str(folder), "hash-object", "-w", "--literally", "-t", kind, "--stdin"]
    done = subprocess.run(command, input=raw, capture_output=True, check=True)
    oid = done.stdout.decode().strip()
    found = subprocess.run(["git", "--git-dir", str(folder), "fsck", "--strict"], capture_output=True, text=True)
    return "\n".join(
        line for line in (found.stdout + found.stderr).splitlines() if oid in line and "dangling" not in line
    )


@pytest.mark.parametrize("raw", TREES)
def test_a_sound_folder_is_none_that_git_minds(tmp_path: Path, raw: bytes) -> None:
    if sound_tree(raw):
        assert complaints(tmp_path / "r", "tree", raw) == ""


@pytest.mark.parametrize("raw", COMMITS)
def test_a_sound_commit_is_none_that_git_minds(tmp_path: Path, raw: bytes) -> None:
    if commit_of(raw):
        assert complaints(tmp_path / "r", "commit", raw) == ""


def test_what_winslow_writes_is_sound() -> None:
    assert all(sound_tree(tree((b"100644", name, BLOB))) for name in PLAIN)
    assert [sound_tree(raw) for raw in TREES[len(NAMES) * 2 :]] == [False] * (len(TREES) - 2 * len(NAMES) - 1) + [True]
    assert not any(sound_tree(tree((b"100644", name, BLOB))) for name in NAMES[8:])
    assert [bool(commit_of(raw)) for raw in COMMITS] == [True, True, *[False] * (len(COMMITS) - 2)]
    assert int(ObjectType.BLOB) == 3
