"""Which store this is: nodes that read the same id in it share one, and a node notices when it has another.

STORE/id            made with the store, never changed
DATA/store          the store, or a link to a directory that nodes share
DATA/node/store     the id that this node knew last
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from runner.store.errors import StoreError


class OtherStore(StoreError):
    """A shared directory that is not what it was; the text says what to do."""


def share(data: Path, shared: Path) -> None:
    """Let the store of this node be that directory, from now on. OtherStore."""
    place = data / "store"
    shared = shared.absolute()
    if not shared.is_dir():
        raise OtherStore(f"--store {shared}: there is no such directory; is it mounted?")
    if place.is_symlink():
        if place.resolve() != shared.resolve():
            raise OtherStore(f"{place} leads to {os.readlink(place)}, not to {shared}: remove it if that is meant")
    elif place.exists():
        raise OtherStore(f"{place} is a store already: copy what is in objects/ to {shared}/objects, then move it away")
    else:
        data.mkdir(parents=True, exist_ok=True)
        place.symlink_to(shared)
    known = last(data)
    if known and _read(shared / "id") != known:
        text = (
            f"{shared} is not the store {known[:8]} that this node had: is it mounted? If it is lost for good, remove"
        )
        raise OtherStore(f"{text} {data / 'node' / 'store'}, and this node goes on without what was in it")


def is_shared(data: Path) -> bool:
    return (data / "store").is_symlink()


def identify(data: Path) -> str:
    """The id of this node's store, made where it has none. Of two nodes that make it at once, one does."""
    place = data / "store" / "id"
    place.parent.mkdir(parents=True, exist_ok=True)
    if not _read(place):
        part = place.with_name(f"id.{secrets.token_hex(8)}")
        _write(part, secrets.token_hex(16))
        with suppress(FileExistsError):
            os.link(part, place)
        part.unlink()
    return _read(place)


def last(data: Path) -> str:
    return _read(data / "node" / "store")


def remember(data: Path, store: str) -> None:
    place = data / "node" / "store"
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name("store.part")
    _write(part, store)
    part.rename(place)


def _write(path: Path, text: str) -> None:
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""
