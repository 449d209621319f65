"""What is known: the state repository at one consistent pair of commits, parsed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from schema.execution import Execution, Tombstone
from schema.flag import Flag
from schema.node import Inventory, NodeSettings, Settings
from schema.pipeline import Pipeline
from schema.project import Project
from schema.reply import Reply
from schema.request import Request
from schema.trigger import Trigger


class ProblemOrigin(StrEnum):
    """Where a problem of the repository was found."""

    MAIN = "main"  # in a file that people write
    STATE = "winslow/state"  # in a file that nodes write
    HISTORY = "history"  # in a commit that no node may make
    SETTINGS = "settings"  # in what files say together


@dataclass(frozen=True, slots=True)
class SnapshotProblem:
    """What is wrong in the repository, as a line for people that names the place. `path` is the file, if it is one."""

    text: str
    origin: ProblemOrigin
    path: str = ""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class RequestFile:
    """A request on `main`. `by` and `commit` are those of the commit that brought it in."""

    name: str
    blob: str
    by: str
    commit: str
    request: Request | None
    problem: str = ""  # why `request` is None
    at: str = ""  # when that commit was made, by its maker's clock: for people


@dataclass(frozen=True, slots=True)
class Departure:
    """How a project left `main`: the commit, its author, and whether it said `Winslow-Delete: now`.

    The commit is nothing where the history of `main` does not tell.
    """

    commit: str
    by: str
    now: bool = False


@dataclass(frozen=True, slots=True, weakref_slot=True)
class ProjectView:
    """Everything the repository says about one project.

    `project`, `pipeline` are the versions in force (the newest first-parent ancestor of `main` at which the file
    parses); `definition` is the one that the latest chain keeps. `unanswered` are the requests at the tip of `main`
    that have no reply, by file name; of very many only the first, the names of the others are `withheld`: they are read
    once these have their replies, and until then nothing is claimed. `deletion` is set where `project.yaml` is not on
    `main` any more.
    """

    id: str
    project: Project | None
    problem: str = ""
    pipeline: Pipeline | None = None
    pipeline_problem: str = ""
    definition: Pipeline | None = None
    unanswered: tuple[RequestFile, ...] = ()
    withheld: tuple[str, ...] = ()
    replies: tuple[Reply, ...] = ()  # by seq
    executions: tuple[Execution, ...] = ()  # by number
    tombstone: Tombstone | None = None
    deletion: Departure | None = None
    left: tuple[str, ...] = ()  # of a project that is not on `main`: the requests in its folder, without `.yaml`
    last_comment: int = 0  # number of the newest comment: nothing follows from it, but there is something new to see
    flags: tuple[Flag, ...] = ()  # commits that no controller may have made: what they wrote is not in this view
    unwritten: tuple[str, ...] = ()  # of these commits, those whose flag is not on `winslow/state` yet
    damage: str = ""  # a document of the controllers that does not parse: nothing is decided until it is mended

    @property
    def asked(self) -> int:
        """How many requests have no reply."""
        return len(self.unanswered) + len(self.withheld)

    def flagged(self, execution: int) -> bool:
        """Whether its record on `winslow/state` is another one than here. Nobody writes it until that is settled."""
        return any(execution == each.execution for flag in self.flags for each in flag.paths)

    @property
    def buried(self) -> bool:
        """Whether its deletion has its tombstone. One of an earlier deletion says nothing of this one."""
        return bool(self.deletion and self.tombstone and self.tombstone.commit == self.deletion.commit)

    @property
    def purged(self) -> bool:
        """Whether all of it is gone, everywhere. Nothing shows it any more but the events."""
        return self.buried and self.tombstone is not None and self.tombstone.state == "purged"

    @property
    def last_seq(self) -> int:
        newest = self.replies[-1].seq if self.replies else 0
        return max(newest, self.tombstone.last_seq if self.tombstone else 0)

    @property
    def last_execution(self) -> int:
        newest = self.executions[-1].execution if self.executions else 0
        return max(newest, self.tombstone.last_execution if self.tombstone else 0)

    def execution(self, number: int) -> Execution | None:
        return next((e for e in reversed(self.executions) if e.execution == number), None)


@dataclass(frozen=True, slots=True)
class Judged:
    """What who looks has found out about a node himself. `state` is a word of `flow.node.node_states`."""

    state: str
    text: str


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Snapshot:
    """The repository at (`main`, `state`). `wanted` is the commit of `main` that the state's tip was decided on.

    `heartbeats` maps a node to the object id of its ref: a changed id is a sign of life, nothing else is.
    """

    main: str
    state: str
    wanted: str = ""
    settings: Settings = field(default_factory=lambda: Settings(schema=1))
    projects: Mapping[str, ProjectView] = field(default_factory=dict)
    pipelines: Mapping[str, Pipeline] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)  # that `main` lets build, with their trees
    nodes: Mapping[str, NodeSettings] = field(default_factory=dict)
    triggers: Mapping[str, Trigger] = field(default_factory=dict)
    inventories: Mapping[str, Inventory] = field(default_factory=dict)
    heartbeats: Mapping[str, str] = field(default_factory=dict)
    spoke: Mapping[str, str] = field(default_factory=dict)  # node to its newest commit on `winslow/state`: alive, too
    problems: tuple[SnapshotProblem, ...] = ()
    confirmed_deletions: bool = False
    board: str = ""  # the root board as it is
    judged: Mapping[str, Judged] = field(default_factory=dict)  # not in the repository: by who looks, see `Judged`


def present(snapshot: Snapshot) -> Iterator[ProjectView]:
    """Every project but those that are deleted and gone."""
    return (view for view in snapshot.projects.values() if not view.purged)
