"""R5: an archive of `docker save` is checked before an engine is given it."""

import gzip
import hashlib
import io
import json
import tarfile

import pytest

from runner.building.saved_image import BadArchive, looked_at

LAYER = b"a layer" * 300
Files = dict[str, bytes]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def config(*layers: bytes) -> bytes:
    found = {"architecture": "amd64", "rootfs": {"diff_ids": [f"sha256:{digest(each)}" for each in layers]}}
    return json.dumps(found).encode()


def files(*names: str, about: bytes | None = None) -> Files:
    """As engine 20.10 writes them."""
    about = config(LAYER) if about is None else about
    entry = {"Config": f"{digest(about)}.json", "RepoTags": list(names) or None, "Layers": ["l1/layer.tar"]}
    return {
        "l1/layer.tar": LAYER,
        f"{digest(about)}.json": about,
        "manifest.json": json.dumps([entry]).encode(),
    }


def archive(content: Files, *more: tarfile.TarInfo) -> io.BytesIO:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as out:
        for name, text in content.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            out.addfile(entry, io.BytesIO(text))
        for each in more:
            out.addfile(each)
    file.seek(0)
    return file


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


def test_R5_a_whole_archive_tells_its_image() -> None:
    found = looked_at(archive(files("lab/speeds:1.4", "speeds:new")))
    assert found.id == f"sha256:{digest(config(LAYER))}"
    assert (found.names, found.machine, found.layers) == (("lab/speeds:1.4", "speeds:new"), "amd64", 1)
    packed = io.BytesIO(gzip.compress(archive(files()).read()))
    assert looked_at(packed).names == ()


def test_layers_that_are_equal_are_links_to_one() -> None:
    about = config(LAYER, LAYER)
    content = files(about=about)
    entry = {"Config": f"{digest(about)}.json", "Layers": ["l1/layer.tar", "l2/layer.tar"]}
    content["manifest.json"] = json.dumps([entry]).encode()
    assert looked_at(archive(content, link("l2/layer.tar", "../l1/layer.tar"))).layers == 2


def test_layers_may_lie_packed_below_their_own_digest() -> None:
    """As engines with another store of images write them."""
    about, packed = config(LAYER), gzip.compress(LAYER)
    blob, at = f"blobs/sha256/{digest(packed)}", f"blobs/sha256/{digest(about)}"
    entry = {"Config": at, "Layers": [blob]}
    found = looked_at(archive({blob: packed, at: about, "manifest.json": json.dumps([entry]).encode()}))
    assert found.id == f"sha256:{digest(about)}"
    with pytest.raises(BadArchive, match="layer 1 is damaged"):
        looked_at(archive({blob: b"x", at: about, "manifest.json": json.dumps([entry]).encode()}))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"l1/layer.tar": LAYER[:-1] + b"?"}, "layer 1 is damaged"),
        ({"l1/layer.tar": None}, "is missing"),
        ({f"{digest(config(LAYER))}.json": config(LAYER) + b" "}, "configuration .* is damaged"),
        ({"manifest.json": None}, "'manifest.json' is missing"),
        ({"manifest.json": b"{}"}, "no list of images"),
        ({"manifest.json": b"[1]"}, "no list of images"),
        ({"manifest.json": b"[" * 100_000}, "no document in JSON"),
        ({"manifest.json": b"[{}, {}]"}, "holds 2 images"),
        ({"/etc/passwd": b""}, "leads out"),
        ({"../x": b""}, "leads out"),
    ],
)  # fmt: skip
def test_what_is_no_whole_archive_says_where(change: dict[str, bytes | None], why: str) -> None:
    content = {name: text for name, text in {**files(), **change}.items() if text is not None}
    with pytest.raises(BadArchive, match=why):
        looked_at(archive(content))


@pytest.mark.parametrize("name", ["winslow-build/x:1", "host/python:3", "build/x:1", "x", "x:1 y", "-x:1", 7])
def test_S1_an_archive_takes_no_name_that_means_something_to_nodes(name: object) -> None:
    content = files()
    entry = {"Config": f"{digest(config(LAYER))}.json", "Layers": ["l1/layer.tar"], "RepoTags": [name]}
    content["manifest.json"] = json.dumps([entry]).encode()
    with pytest.raises(BadArchive, match=r"calls itself|no name of an image"):
        looked_at(archive(content))


@pytest.mark.parametrize(
    "strange", [link("d", "x", tarfile.CHRTYPE), link("d", "l1/layer.tar", tarfile.LNKTYPE), link("d", "/etc/passwd")]
)
def test_devices_and_links_to_elsewhere_are_refused(strange: tarfile.TarInfo) -> None:
    with pytest.raises(BadArchive, match=r"neither|leads out"):
        looked_at(archive(files(), strange))


def test_what_is_cut_off_is_told_as_that() -> None:
    whole = archive(files()).read()
    for size in (0, 100, 700, len(LAYER) + 600):
        with pytest.raises(BadArchive, match=r"cannot be read|is missing"):
            looked_at(io.BytesIO(whole[:size]))
