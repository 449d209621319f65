"""The directories of executions, as the workshop needs them. `folders` has the real ones; simulations have none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from flow.node.node_world import LaunchOrder
from runner.contract.spec import Mount, Overlay
from schema.execution import ArtifactList
from schema.file_input import FileInput


class InputMissing(Exception):
    """Something the stage needs is not on this node; the text says what and where it was looked for."""


class NotKept(Exception):
    """What a stage left must be in the bucket before anybody is told of it, and could not be sent there now."""

    def __init__(self, text: str, again: float) -> None:
        super().__init__(text)
        self.again = again
        """Seconds to wait."""


class NotYet(Exception):
    """What the stage needs is still being made, for instance copied into the pool; the text says what."""


class Interrupted(Exception):
    """What the stage needs is somewhere, and could not be had now; the text says from where."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything on disk for one execution.

    `inputs` are the file inputs with path, digest and size; `manifest` is what the workspace begins with;
    `project_files` a digest of /files, where it matters and could be told.
    """

    workspace: Path
    directory: Path
    environment: Mapping[str, str]
    mounts: tuple[Mount, ...] = ()
    inputs: Mapping[str, FileInput] = field(default_factory=dict)
    overlay: Overlay | None = None
    manifest: str | None = None
    project_files: str | None = None
    needs: Path | None = None  # what it may read of the stages that it needs


@dataclass(frozen=True, slots=True)
class LogSummary:
    text: str = ""
    lines: int = 0
    bytes: int = 0
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """What an execution left."""

    values: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    missing: tuple[str, ...] = ()  # promised artifacts that are not there
    artifacts: ArtifactList | None = None
    manifest: str | None = None
    store: str = ""  # where that lies on this node
    bucket: str = ""  # and the bucket that has it too
    log: LogSummary = field(default_factory=LogSummary)
    note: str = ""


Tell = Callable[[str, int, int], None]
"""What is being done, and how many bytes of how many are; 0 of 0 where that is not known."""


def quiet(what: str, done: int, size: int) -> None:
    """Nobody is told."""


class Trees(Protocol):
    def prepare(self, container: str, order: LaunchOrder, tell: Tell = quiet) -> Ready:
        """Make the workspace anew and look at the inputs. InputMissing, NotYet, Interrupted."""
        ...

    def gather(self, container: str, order: LaunchOrder) -> Gathered:
        """What it left, kept for good. NotKept."""
        ...

    def reuse(self, container: str, order: LaunchOrder, manifest: str) -> Gathered | None:
        """Make that the result of the prepared workspace; None where it is not here, or not what is promised."""
        ...

    def let_go(self, container: str, order: LaunchOrder) -> None:
        """The container is gone for good; what it needed to run goes too."""
        ...

    def wipe(self, project: str, last_execution: int, *, files: bool) -> None:
        """Delete the project's data here up to that execution, what was set aside, and its own files. OSError."""
        ...

    def part(self, project: str, generation: int) -> None:
        """Set the project's own files aside, a new one of that name begins without. OSError."""
        ...


class NoTrees:
    """No directories at all: for simulations."""

    def prepare(self, container: str, order: LaunchOrder, tell: Tell = quiet) -> Ready:
        nowhere = Path("/nonexistent")
        return Ready(nowhere, nowhere, order.env)

    def gather(self, container: str, order: LaunchOrder) -> Gathered:
        return Gathered()

    def reuse(self, container: str, order: LaunchOrder, manifest: str) -> Gathered | None:
        return None

    def let_go(self, container: str, order: LaunchOrder) -> None:
        return None

    def wipe(self, project: str, last_execution: int, *, files: bool) -> None:
        return None

    def part(self, project: str, generation: int) -> None:
        return None
