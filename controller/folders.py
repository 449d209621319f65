"""The real directories of executions, as copies.

    DATA/projects/<project>/<execution>/workspace   what the stage left
    DATA/projects/<project>/files                   files of the project
    DATA/runs/<container>/log, io/                  the log, and what the program says by files

A workspace is made anew for every claim, from the one its execution builds on, so a retry never sees half-written
files of the attempt before. `docs/design` says what replaces the copies.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from blake3 import blake3

from controller.trees import Gathered, InputMissing, Log, Ready
from flow.local import Order
from runner import feedback, logs
from runner.spec import Mount
from schema.execution import Artifact, ArtifactList

LISTED = 200
"""Artifacts named in the repository; the counts say how many there are."""


class Folders:
    """`isolated` says whether stages see the container's paths or, as processes, the host's."""

    def __init__(self, data: Path, pool: Path, *, isolated: bool) -> None:
        self.data, self.pool, self.isolated = data.absolute(), pool.absolute(), isolated
        self._digests: dict[tuple[int, ...], str] = {}

    def workspace(self, project: str, execution: int) -> Path:
        return self.data / "projects" / project / f"{execution:04d}" / "workspace"

    def files(self, project: str) -> Path:
        return self.data / "projects" / project / "files"

    def run(self, container: str) -> Path:
        return self.data / "runs" / container

    # -- before -----------------------------------------------------------------------------------------------------

    def prepare(self, container: str, order: Order) -> Ready:
        inputs = {name: self._input(name, str(order.inputs[name])) for name in order.files}
        workspace = self.workspace(order.project, order.execution)
        self._fill(workspace, order)
        files = self.files(order.project)
        files.mkdir(parents=True, exist_ok=True)
        directory = self.run(container)
        (directory / "io").mkdir(parents=True, exist_ok=True)
        (directory / "project").write_text(order.project)
        environment = self._environment(order, workspace, files, directory)
        self._write_inputs(directory, order, environment)
        mounts = (Mount(self.pool, "/pool"), Mount(files, "/files")) if self.isolated else ()
        return Ready(workspace, directory, environment, mounts, inputs)

    def _input(self, name: str, path: str) -> dict[str, object]:
        full = self.pool / path
        root = self.pool.resolve()
        real = full.resolve()
        if root not in real.parents:
            raise InputMissing(f"{name}: {path!r} leads out of the pool {self.pool}")
        if not real.is_file():
            raise InputMissing(f"{name}: no file {path!r} in the pool of this node ({self.pool})")
        before = real.stat()
        return {"path": path, "digest": self._digest(real, before), "bytes": before.st_size}

    def _digest(self, path: Path, stat: os.stat_result) -> str:
        """Cached by what changes whenever the content does."""
        key = _stamp(stat)
        if key not in self._digests:
            self._digests[key] = file_digest(path)
        return self._digests[key]

    def _fill(self, workspace: Path, order: Order) -> None:
        shutil.rmtree(workspace, ignore_errors=True)
        workspace.parent.mkdir(parents=True, exist_ok=True)
        if order.source is None:
            workspace.mkdir()
            return
        source = self.workspace(order.project, order.source)
        if not source.is_dir():
            raise InputMissing(f"the workspace of execution {order.source} is not on this node ({source})")
        part = workspace.with_name("workspace.part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(source, part, symlinks=True)
        part.rename(workspace)

    def _environment(self, order: Order, workspace: Path, files: Path, directory: Path) -> dict[str, str]:
        inside = "/winslow" if self.isolated else str(directory / "io")
        return {
            **order.env,
            "WINSLOW_WORKSPACE": "/workspace" if self.isolated else str(workspace),
            "WINSLOW_POOL": "/pool" if self.isolated else str(self.pool),
            "WINSLOW_FILES": "/files" if self.isolated else str(files),
            "WINSLOW_INPUTS": f"{inside}/inputs.json",
            "WINSLOW_PROGRESS": f"{inside}/progress",
            "WINSLOW_RESULT": f"{inside}/result",
        }

    def _write_inputs(self, directory: Path, order: Order, environment: Mapping[str, str]) -> None:
        shown = {name: value for name, value in order.inputs.items() if name not in order.files}
        shown |= {name: environment[f"INPUT_{name.upper()}"] for name in order.files}
        (directory / "io" / "inputs.json").write_text(json.dumps(shown, indent=1, ensure_ascii=False))

    # -- after ------------------------------------------------------------------------------------------------------

    def gather(self, container: str, order: Order) -> Gathered:
        workspace, directory = self.workspace(order.project, order.execution), self.run(container)
        summary = logs.summarise(directory / "log")
        found = {pattern: matches(workspace, pattern) for pattern in order.artifacts}
        promised = sorted({path for paths in found.values() for path in paths})
        return Gathered(
            values=feedback.results(directory),
            metrics=feedback.metrics(workspace, order.metrics) if order.metrics else {},
            missing=tuple(pattern for pattern, paths in found.items() if not paths),
            artifacts=self._listed(workspace, promised, order),
            log=Log(summary.text, summary.lines, summary.bytes, summary.digest),
            note=self._changed(order),
        )

    def _listed(self, workspace: Path, paths: list[str], order: Order) -> ArtifactList:
        sizes = {path: (workspace / path).stat().st_size for path in paths}
        listed = tuple(
            Artifact(path=path, bytes=sizes[path], digest=file_digest(workspace / path)) for path in paths[:LISTED]
        )
        shown = [path for pattern in order.show for path in matches(workspace, pattern)]
        return ArtifactList(files=len(paths), bytes=sum(sizes.values()), artifacts=listed, show=tuple(shown[:LISTED]))

    def _changed(self, order: Order) -> str:
        """Inputs in the pool whose content is no longer what the stage was started with."""
        changed = []
        for name in order.files:
            real = (self.pool / str(order.inputs[name])).resolve()
            if not real.is_file() or _stamp(real.stat()) not in self._digests:
                changed.append(name)
        return f"InputChanged: {', '.join(changed)} changed while the stage ran" if changed and self._digests else ""

    def wipe(self, project: str, last_execution: int) -> None:
        root = self.data / "projects" / project
        for folder in root.glob("[0-9]*"):
            if folder.name.isdigit() and int(folder.name) <= last_execution:
                shutil.rmtree(folder, ignore_errors=True)
        for run in (self.data / "runs").glob("*/io"):
            if _project_of(run) == project:
                shutil.rmtree(run.parent, ignore_errors=True)
        shutil.rmtree(root / "files", ignore_errors=True)
        if root.is_dir() and not any(root.iterdir()):
            root.rmdir()


def _project_of(io: Path) -> str | None:
    try:
        return (io.parent / "project").read_text()
    except OSError:
        return None


def _stamp(stat: os.stat_result) -> tuple[int, ...]:
    return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def file_digest(path: Path) -> str:
    """`blake3:<hex>` of a file's content, read in pieces."""
    state = blake3()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            state.update(piece)
    return f"blake3:{state.hexdigest()}"


def matches(workspace: Path, pattern: str) -> list[str]:
    """Regular files of the workspace that a pattern names, relative, sorted; nothing outside, no symlinks."""
    if pattern.startswith("/") or ".." in pattern.split("/"):
        return []
    found = (path for path in workspace.glob(pattern) if path.is_file() and not path.is_symlink())
    return sorted(str(path.relative_to(workspace)) for path in _inside(workspace, found))


def _inside(workspace: Path, paths: Iterator[Path]) -> Iterator[Path]:
    root = workspace.resolve()
    return (path for path in paths if root in path.resolve().parents)
