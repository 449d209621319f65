"""An archive of `docker save`, looked at before an engine is given it: it is whole, holds one image, and names it.

The engine that loads it gives its names to the image. So they are told beforehand, and nothing is loaded on trust.
"""

import hashlib
import json
import posixpath
import re
import tarfile
from dataclasses import dataclass, field
from typing import IO, Any

MOST_FILES = 8192
MOST_BYTES = 256 << 30
MOST_LAYERS = 127
DOCUMENT, DOCUMENTS = 4 << 20, 64 << 20
"""Bytes of one file that may be a document, and of all that are kept to be read as one."""
PIECE = 1 << 20
OWN = ("winslow-build/", "host/", "build/")
"""Names that mean something to nodes: nobody's archive may take them."""
REFERENCE = re.compile(r"[a-z0-9][a-z0-9._/:-]{0,255}:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


class BadArchive(ValueError):
    """It is not what `docker save` writes, or is damaged; the text says where."""


@dataclass(frozen=True, slots=True)
class SavedImage:
    id: str
    names: tuple[str, ...]  # with tags
    machine: str  # the processor that it is for
    layers: int


@dataclass(slots=True)
class _Contents:
    digests: dict[str, str] = field(default_factory=dict)  # of plain files
    documents: dict[str, bytes] = field(default_factory=dict)  # those that are small enough
    links: dict[str, str] = field(default_factory=dict)

    def found(self, path: object) -> str:
        """The plain file that a path means: layers that are equal are links to one. BadArchive."""
        name = posixpath.normpath(str(path))
        name = self.links.get(name, name)
        if name not in self.digests:
            raise BadArchive(
                f"{str(path)[:80]!r} is missing: the archive is cut off, or `docker save` did not write it"
            )
        return name

    def document(self, path: object) -> Any:
        """BadArchive."""
        name = self.found(path)
        try:
            return json.loads(self.documents[name])
        except (KeyError, ValueError, RecursionError):
            raise BadArchive(f"{name[:80]!r} is no document in JSON") from None


def looked_at(file: IO[bytes]) -> SavedImage:
    """One pass over all of it. BadArchive; OSError."""
    contents = _Contents()
    try:
        with tarfile.open(fileobj=file, mode="r|*") as archive:
            _read(archive, contents)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise (
            error
            if isinstance(error, BadArchive)
            else BadArchive(f"it cannot be read as an archive of `docker save`: {error}")
        ) from None
    entries = contents.document("manifest.json")
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise BadArchive("its manifest.json is no list of images")
    if len(entries) != 1:
        raise BadArchive(f"it holds {len(entries)} images; save one at a time: docker save NAME:TAG -o FILE")
    return _image(contents, entries[0])


def _read(archive: tarfile.TarFile, contents: _Contents) -> None:
    count = size = kept = 0
    for member in archive:
        count, size = count + 1, size + max(member.size, 0)
        if count > MOST_FILES or size > MOST_BYTES:
            raise BadArchive(f"it is too large: at most {MOST_FILES} files and {MOST_BYTES >> 30} GiB")
        name = _place(member.name)
        if member.issym():
            contents.links[name] = _place(posixpath.join(posixpath.dirname(name), member.linkname))
        elif member.isfile():
            keeps = member.size <= DOCUMENT and kept + member.size <= DOCUMENTS
            digest, content = _hashed(archive, member, keeps=keeps)
            contents.digests[name] = digest
            if keeps:
                contents.documents[name], kept = content, kept + len(content)
        elif not member.isdir():
            raise BadArchive(f"{name[:80]!r} is neither a file nor a folder")


def _place(name: str) -> str:
    path = posixpath.normpath(name)
    if path.startswith(("/", "../")) or path == ".." or not path.isprintable():
        raise BadArchive(f"{name[:80]!r} leads out of the archive")
    return path


def _hashed(archive: tarfile.TarFile, member: tarfile.TarInfo, *, keeps: bool) -> tuple[str, bytes]:
    source, digest, pieces = archive.extractfile(member), hashlib.sha256(), []
    while piece := source.read(PIECE) if source else b"":
        digest.update(piece)
        if keeps:
            pieces.append(piece)
    return digest.hexdigest(), b"".join(pieces)


def _image(contents: _Contents, entry: dict[str, Any]) -> SavedImage:
    config = contents.found(entry.get("Config"))
    id = contents.digests[config]
    if posixpath.basename(config).removesuffix(".json") != id:
        raise BadArchive(f"its configuration {config[:80]!r} is damaged: its digest is {id[:12]}…")
    about, layers = contents.document(config), entry.get("Layers")
    wanted = (about.get("rootfs") or {}).get("diff_ids") if isinstance(about, dict) else None
    if (
        not isinstance(layers, list)
        or not isinstance(wanted, list)
        or not 0 < len(layers) == len(wanted) <= MOST_LAYERS
    ):
        raise BadArchive("its layers are not those that its configuration names")
    for number, (path, digest) in enumerate(zip(layers, wanted, strict=True), 1):
        _check_layer(contents, number, contents.found(path), str(digest))
    names = tuple(map(_name, entry.get("RepoTags") or ()))
    return SavedImage(f"sha256:{id}", names, str(about.get("architecture") or ""), len(layers))


def _check_layer(contents: _Contents, number: int, name: str, wanted: str) -> None:
    """Some engines save layers packed, below the digest of that; then they compare the rest at loading."""
    known = contents.digests[name]
    packed = name.startswith("blobs/sha256/") and posixpath.basename(name) == known
    if wanted != f"sha256:{known}" and not packed:
        raise BadArchive(f"its layer {number} is damaged: copy the archive again")


def _name(name: object) -> str:
    if not isinstance(name, str) or not REFERENCE.fullmatch(name):
        raise BadArchive(f"{str(name)[:80]!r} is no name of an image")
    if name.startswith(OWN):
        raise BadArchive(
            f"it calls itself {name[:80]}, a name that nodes give themselves: docker tag it, and save that"
        )
    return name
