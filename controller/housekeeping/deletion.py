"""What a deleted project leaves on this node goes: workspaces, runs, logs, files, and uploads that never came whole.

Each by itself and by number, so that nothing of a new project of the same name goes with the old one's.
"""

import shutil
from contextlib import ExitStack, suppress
from pathlib import Path

from runner import durable
from runner.logs.archive import forget
from runner.store.collect import NOTE
from runner.store.packed import Packed
from runner.store.workspaces import Workspaces


def project_of(run: Path) -> str | None:
    """None where nothing says so, or a power cut emptied what did."""
    try:
        return (run / "project").read_text() or None
    except (OSError, ValueError):
        return None


def execution_of(run: Path) -> int | None:
    """Whose folder below `runs` it is; None where an older version did not write it down."""
    try:
        return int((run / "execution").read_text())
    except (OSError, ValueError):
        return None


class DeletionWork:
    """`data` is the node's directory."""

    def __init__(self, data: Path, workspaces: Workspaces) -> None:
        self.data, self.workspaces, self.packed = data, workspaces, Packed(workspaces.objects.root)

    def wipe(self, project: str, last_execution: int, *, files: bool) -> None:
        """Each step is tried, whatever becomes of those before. OSError."""
        root = self.data / "projects" / project
        with ExitStack() as last_first:
            last_first.callback(_remove_empty, root)
            if files:
                last_first.callback(_remove, root / "files")
                last_first.callback(self._uploads, project)
            for folder in root.glob("files.deleted-*"):
                last_first.callback(_remove, folder)
            last_first.callback(self._runs, project, last_execution)
            last_first.callback(self.packed.forget_fetched, 0.0, project)
            self._workspaces(project, last_execution)

    def part(self, project: str, generation: int) -> None:
        """Sets its files aside, so that a new project finds none. Done twice, what is there by then stays."""
        files = self.data / "projects" / project / "files"
        aside = files.with_name(f"files.deleted-{generation}")
        if aside.exists():
            return
        self._uploads(project)
        if files.is_dir():
            files.rename(aside)

    def _workspaces(self, project: str, last_execution: int) -> None:
        for folder in (self.data / "projects" / project).glob("[0-9]*"):
            if folder.name.isdigit() and int(folder.name) <= last_execution:
                self.workspaces.delete(project, int(folder.name))
        self.workspaces.collect()

    def _runs(self, project: str, last_execution: int) -> None:
        """A run whose number an older version did not write down goes unless a workspace that stays is its own."""
        notes_left = (self.data / "projects" / project).glob(f"[0-9]*/{NOTE}")
        staying = {durable.read(note).get("container") for note in notes_left}
        for io in (self.data / "runs").glob("*/io"):
            run, number = io.parent, execution_of(io.parent)
            old = run.name not in staying if number is None else number <= last_execution
            if project_of(run) == project and old:
                forget(run, self.packed)
                _remove(run)

    def _uploads(self, project: str) -> None:
        """What has not come whole yet."""
        for file in (self.data / "uploads").glob("*.json"):
            note = durable.read(file)
            if str(note.get("where", "")).startswith((f"{project}:", f"{project}/")):
                Path(str(note["part"])).unlink(missing_ok=True)
                file.unlink(missing_ok=True)


def _remove(folder: Path) -> None:
    """All of it, or OSError."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
