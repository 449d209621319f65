"""Random trees and changes for tests of the store, and a walk that knows nothing of overlays."""

import ctypes
import os
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from runner.contract.spec import Overlay
from runner.process.shim import enter_overlay
from runner.store import digests, overlay
from runner.store.manifest import Manifest, Row, RowKind, build, text_of

NAMES = [
    b"a",
    b"b",
    b"dir",
    b"a-b",
    b"a.b",
    b"new\nline",
    b"sp ace",
    b"\xff\xfe",
    "ü".encode(),
    b".hidden",
    b"*",
    b"x" * 255,
]
names = st.sampled_from(NAMES)
paths = st.lists(names, min_size=1, max_size=3).map(b"/".join)
contents = st.sampled_from([b"", b"one", b"two", b"three" * 1000])
change = st.one_of(
    st.tuples(st.just("write"), paths, contents),
    st.tuples(st.just("append"), paths, contents),
    st.tuples(st.just("overwrite"), paths, contents),
    st.tuples(st.just("mkdir"), paths),
    st.tuples(st.just("remove"), paths),
    st.tuples(st.just("empty"), paths),
    st.tuples(st.just("rename"), paths, paths),
    st.tuples(st.just("symlink"), paths, st.sampled_from([b"a", b"../x", b"/nonexistent", b"\xff"])),
    st.tuples(st.just("link"), paths, paths),
    st.tuples(st.just("chmod"), paths, st.sampled_from([0o644, 0o755, 0o600, 0o700, 0o444])),
    st.tuples(st.just("fifo"), paths),
)
changes = st.lists(change, max_size=25)


def apply(root: Path, wanted: list[tuple[Any, ...]]) -> None:
    """What cannot be done is left undone: the strategies make no effort."""
    for verb, path, *more in wanted:
        try:
            _DO[verb](os.fsencode(root) + b"/" + path, *more, os.fsencode(root))
        except OSError:
            pass


def _parent(path: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)


def _write(path: bytes, content: bytes, root: bytes) -> None:
    _parent(path)
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
    with open(path, "wb") as file:
        file.write(content)


def _open_plain(path: bytes, flags: int, content: bytes) -> None:
    if stat.S_ISREG(os.lstat(path).st_mode):
        with open(os.open(path, flags | os.O_NOFOLLOW), "wb") as file:
            file.write(content)


def _mkdir(path: bytes, root: bytes) -> None:
    _parent(path)
    if os.path.lexists(path) and not os.path.isdir(path):
        os.unlink(path)
    os.mkdir(path)


def _remove(path: bytes, root: bytes) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _empty(path: bytes, root: bytes) -> None:
    if os.path.isdir(path):  # of a pipe, `rmtree` would wait for a writer
        shutil.rmtree(path)
        os.mkdir(path)


def _rename(path: bytes, to: bytes, root: bytes) -> None:
    _parent(root + b"/" + to)
    shutil.move(os.fsdecode(path), os.fsdecode(root + b"/" + to))


def _symlink(path: bytes, target: bytes, root: bytes) -> None:
    _parent(path)
    os.symlink(target, path)


def _link(path: bytes, to: bytes, root: bytes) -> None:
    _parent(root + b"/" + to)
    os.link(path, root + b"/" + to, follow_symlinks=False)


def _chmod(path: bytes, mode: int, root: bytes) -> None:
    if not os.path.islink(path) and os.path.isfile(path):
        os.chmod(path, mode)


def _fifo(path: bytes, root: bytes) -> None:
    _parent(path)
    os.mkfifo(path)


_DO: dict[str, Callable[..., None]] = {
    "write": _write,
    "append": lambda path, content, root: _open_plain(path, os.O_WRONLY | os.O_APPEND, content),
    "overwrite": lambda path, content, root: _open_plain(path, os.O_WRONLY, content),
    "mkdir": _mkdir,
    "remove": _remove,
    "empty": _empty,
    "rename": _rename,
    "symlink": _symlink,
    "link": _link,
    "chmod": _chmod,
    "fifo": _fifo,
}


def full_walk(root: Path) -> Manifest:
    """By paths and reading everything."""
    top, rows = os.fsencode(root), []
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            found, inside = os.lstat(path), text_of(path[len(top) + 1 :])
            if stat.S_ISDIR(found.st_mode):
                rows.append(Row(inside, RowKind.DIRECTORY))
            elif stat.S_ISLNK(found.st_mode):
                rows.append(Row(inside, RowKind.LINK, 0, text_of(os.readlink(path))))
            elif stat.S_ISREG(found.st_mode):
                kind = RowKind.PROGRAM if found.st_mode & 0o100 else RowKind.FILE
                with open(path, "rb") as file:
                    content = file.read()
                rows.append(Row(inside, kind, len(content), digests.of_bytes(content)))
    return build(rows)


def inside_overlay(overlay: Overlay, target: Path, work: Callable[[], Any]) -> Any:
    """`work` in a mount namespace in which the overlay is mounted; its result."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            enter_overlay(ctypes.CDLL(None, use_errno=True), overlay.options(), str(target))
            outcome.extend((True, work()))
        except BaseException as error:
            outcome.extend((False, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if not outcome[0]:
        raise outcome[1]
    return outcome[1]


def need_overlays(folder: Path) -> None:
    """Skips where nobody may mount; root in CI can."""
    why = overlay.probe(folder)
    if why and os.geteuid() == 0 and os.environ.get("CI"):
        pytest.fail(f"no overlay, though this is root in CI: {why}")
    if why:
        pytest.skip(why)
