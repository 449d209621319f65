"""What a node does next, as values. `Decision` is the whole of it, with the reasons."""

from collections.abc import Hashable
from dataclasses import dataclass

from flow.model.commits import Commit
from flow.node.node_world import ExecutionEnd, HeldClaim
from schema.reasons import End


@dataclass(frozen=True, slots=True)
class Stop:
    """Tell a container to end. The reason is written into its journal entry first, if it has one."""

    container: str
    reason: End | None = None
    text: str = ""  # the reason in words, where there is more to say


@dataclass(frozen=True, slots=True)
class Wipe:
    """Delete a project's data up to an execution, and what was set aside of it.

    `part`: only set its own files aside, so that a new project of that name does not see them. `files`: delete them,
    for none can have begun.
    """

    project: str
    generation: int
    execution: int = 0
    commit: str = ""
    files: bool = False
    part: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """In the order of acting: stops, ends, collects, adopted, launches, commits, and once those landed, grants.

    Drops, removals and wipes are safe at any time. `watched` are the things whose age the next round wants.
    """

    stops: tuple[Stop, ...] = ()
    ends: tuple[ExecutionEnd, ...] = ()  # ends that need no container: straight into the outbox
    collects: tuple[str, ...] = ()  # containers that ended: gather the result
    adopted: tuple[HeldClaim, ...] = ()  # claims at the tip that only lack their journal entry
    launches: tuple[str, ...] = ()  # containers to prepare and start
    commits: tuple[Commit, ...] = ()
    grants: tuple[HeldClaim, ...] = ()  # to be journaled and launched once the commits landed
    drops: tuple[str, ...] = ()  # containers whose claim is settled: forget entry and outbox
    removals: tuple[str, ...] = ()  # ended containers nobody needs
    wipes: tuple[Wipe, ...] = ()
    watched: frozenset[Hashable] = frozenset()
    halted: str | None = None
    unseen: frozenset[str] = frozenset()  # files that claims want, and that the pool was not looked at for: look first
    faults: tuple[tuple[str, str], ...] = ()  # (project, text): nothing was decided for it
