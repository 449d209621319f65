"""A base image made of this host's Python, for machines without a registry: tests, demos, first steps.

Holds the interpreter, its standard library, every shared library these need, a shell with a few tools, and the given
site folders under `/opt/site` (on `PYTHONPATH`); with `--add`, other programs and folders of the host at their own
place, and what they link to. It is as portable as the host's C library, no more.

    python -m runner.docker.host_image TAG [--add PATH]… [SITE…]
"""

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from runner.contract.errors import EngineUnavailable, RunnerError

LEFT_OUT = {"test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "site-packages", "__pycache__"}
TOOLS = ("sh", "chmod", "ls", "cat", "echo", "sleep", "env", "id", "cp", "mkdir", "rm", "head", "tail", "sha256sum")
FOLDERS = ("usr/bin", "bin", "etc", "proc", "sys", "dev", "workspace", "winslow", "home/winslow", "opt/site")
PATH = "/usr/local/bin:/usr/bin:/bin"
PASSWD = "root:x:0:0:root:/root:/bin/sh\nwinslow:x:64000:64000:winslow:/home/winslow:/bin/sh\n"
GROUP = "root:x:0:\nwinslow:x:64000:\n"
WHEELS_EXPECT = ("libstdc++.so.6", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1")
_LIBRARY = re.compile(r"(?:=> |^\s+)(/\S+) \(0x", re.MULTILINE)


def build_base(tag: str, sites: Sequence[Path] = (), added: Sequence[Path] = ()) -> str:
    """Import the image under this tag; returns its id. EngineUnavailable, RunnerError."""
    command = ["docker", "import", "--change", f"ENV PATH={PATH}", "--change", "ENV PYTHONPATH=/opt/site", "-", tag]
    try:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except FileNotFoundError:
        raise EngineUnavailable("there is no `docker` program here: install docker.io") from None
    assert child.stdin is not None
    try:
        write(child.stdin, sites, added)
    except BrokenPipeError:
        pass  # docker has said why
    out, err = child.communicate()
    if child.returncode:
        raise RunnerError(f"docker import {tag}: {err.decode(errors='replace').strip()}")
    return out.decode().strip()


def ensure(tag: str) -> bool:
    """Import it if the engine has no image of that name; whether that was needed. EngineUnavailable, RunnerError."""
    from runner.docker.engine import connect

    known = connect().images.list(name=tag)
    if not known:
        build_base(tag)
    return not known


def write(stream: IO[bytes], sites: Sequence[Path], added: Sequence[Path] = ()) -> None:
    """The root file system as a tar stream."""
    interpreter, library = _interpreter(), Path(sysconfig.get_paths()["stdlib"])
    tools = _tools()
    binaries = [interpreter, *tools.values(), *library.glob("lib-dynload/*.so"), *_extensions(sites)]
    binaries += _programs(added)
    with tarfile.open(fileobj=stream, mode="w|") as tar:
        _folders(tar)
        _text(tar, "etc/passwd", PASSWD)
        _text(tar, "etc/group", GROUP)
        for name, real in sorted(_libraries(binaries).items()):
            if not any(name.startswith(f"{site.absolute()}/") for site in sites):
                _file(tar, real, name)
        _file(tar, interpreter, str(interpreter))
        for name in ("python", "python3"):
            if f"/usr/bin/{name}" != str(interpreter):
                _link(tar, f"usr/bin/{name}", str(interpreter))
        _add_tools(tar, tools)
        tar.add(library, str(library).lstrip("/"), filter=_kept)
        for name, entry in _entries(sites).items():
            tar.add(entry, f"opt/site/{name}", filter=_without_caches)
        for path in added:
            _place(tar, path)


def _interpreter() -> Path:
    """The real program, outside of any virtual environment."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    inside = Path(sys.base_prefix) / "bin" / version
    return (inside if inside.exists() else Path(sys.executable)).resolve()


def _tools() -> dict[str, Path]:
    """Where each tool's program is on this host: busybox for all of them, or their own."""
    busybox = shutil.which("busybox")
    found = ((name, busybox or shutil.which(name)) for name in TOOLS)
    return {name: Path(path).resolve() for name, path in found if path}


def _add_tools(tar: tarfile.TarFile, tools: dict[str, Path]) -> None:
    busybox = next((path for path in tools.values() if path.name == "busybox"), None)
    if busybox:
        _file(tar, busybox, "bin/busybox")
    for name, path in tools.items():
        if path == busybox:
            _link(tar, f"bin/{name}", "busybox")
        else:
            _file(tar, path, f"bin/{name}")


def _extensions(sites: Iterable[Path]) -> Iterator[Path]:
    for site in sites:
        yield from (path for path in site.rglob("*.so*") if path.is_file())


def _programs(added: Iterable[Path]) -> Iterator[Path]:
    """Programs and libraries: what may link to other libraries."""
    for root in added:
        files = root.rglob("*") if root.is_dir() else (root,)
        yield from (path for path in files if path.is_file() and (".so" in path.name or os.access(path, os.X_OK)))


def _place(tar: tarfile.TarFile, path: Path) -> None:
    """At its own place; a link with what it leads to."""
    tar.add(path, str(path).lstrip("/"), filter=_without_caches)
    if path.resolve() != path:
        tar.add(path.resolve(), str(path.resolve()).lstrip("/"), filter=_without_caches)


def _entries(sites: Iterable[Path]) -> dict[str, Path]:
    """What stands in `/opt/site`: of two with one name, the first folder's."""
    found: dict[str, Path] = {}
    for site in sites:
        for entry in sorted(site.iterdir()):
            if entry.name != "__pycache__":
                found.setdefault(entry.name, entry)
    return found


def _libraries(binaries: Sequence[Path]) -> dict[str, Path]:
    """Everything the dynamic linker would load for them: the name it asks for, and the file behind it."""
    found: dict[str, Path] = {}
    for start in range(0, len(binaries), 200):
        some = [str(path) for path in binaries[start : start + 200]]
        said = subprocess.run(["ldd", *some], capture_output=True, text=True, check=False).stdout
        found |= {name: Path(name).resolve() for name in _LIBRARY.findall(said)}
    for folder in {os.path.dirname(name) for name in found if os.path.basename(name) == "libc.so.6"}:
        wanted = (f"{folder}/{name}" for name in WHEELS_EXPECT)
        found |= {name: Path(name).resolve() for name in wanted if os.path.exists(name)}
    return found


def _kept(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = info.name.split("/")
    left_out = parts[-1] in LEFT_OUT or parts[-1].startswith("config-") or parts[-1].endswith(".a")
    return None if left_out else info


def _without_caches(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if info.name.endswith("/__pycache__") else info


def _folders(tar: tarfile.TarFile) -> None:
    for name, mode in (*((folder, 0o755) for folder in FOLDERS), ("tmp", 0o1777)):
        info = tarfile.TarInfo(name)
        info.type, info.mode = tarfile.DIRTYPE, mode
        tar.addfile(info)


def _file(tar: tarfile.TarFile, path: Path, name: str) -> None:
    tar.add(path, name.lstrip("/"), recursive=False)


def _text(tar: tarfile.TarFile, name: str, text: str) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(text.encode()), 0o644
    tar.addfile(info, io.BytesIO(text.encode()))


def _link(tar: tarfile.TarFile, name: str, target: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
    tar.addfile(info)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m runner.docker.host_image", description="a base image made of this host"
    )
    parser.add_argument("tag")
    parser.add_argument("sites", nargs="*", type=Path, metavar="SITE", help="folder of Python packages")
    parser.add_argument("--add", action="append", default=[], type=Path, metavar="PATH", help="program or folder")
    given = parser.parse_args(arguments)
    try:
        print(build_base(given.tag, given.sites, given.add))
    except RunnerError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
