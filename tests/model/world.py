"""A state of the model: the records on `winslow/state`, and what each node has in its journal and its engine.

Time goes in ticks of one heartbeat. All numbers are small, and never negative: Python gives -1 and -2 one hash.
"""

from typing import NamedTuple

# Of a record.
FREE, ACTIVE, LOST, DONE, ABORTED, FAILED = range(6)

# Of a claim in a journal.
SENT, GRANTED, STARTED, LAPSED = range(4)

# Of a container.
NONE, RUNS, ENDED, GONE, STOPPED = range(5)

# Of what a person asked: an abort of whatever runs.
UNASKED, ASKED, OBEYED, NOTHING_TO_ABORT = range(4)

# Of a process that may be a copy of another one. From its first look on it watches the heartbeat for two ticks.
CERTAIN, SILENT, WATCHED, UNWATCHED = 0, 1, 3, 4

EPOCHS = 8
"""A claim id is its epoch times this, and a number that tells attempts of one epoch apart."""


class Record(NamedTuple):
    """The newest execution of a slot; older ones are superseded or have ended."""

    number: int = 0
    owner: int = 0
    claim: int = 0
    container: int = 0
    state: int = FREE
    accepted: int = 0  # results
    asked: int = UNASKED


class Held(NamedTuple):
    """A claim in a node's journal, and its container. `age`: ticks since it was sent, or since a later heartbeat that
    is known to have landed. LAPSED is one whose lease was over before its start, or ever if it is exclusive.
    """

    number: int
    claim: int
    container: int
    phase: int = SENT
    age: int = 0
    runs: int = NONE


class Push(NamedTuple):
    """On its way, and decided on what still is the tip. `landed`: only its answer is on its way."""

    kind: str
    slot: int
    record: Record
    landed: int = 0


class Node(NamedTuple):
    """It waits for the answer to `push`; for that to `late` it no longer waits, and that push may still arrive."""

    held: tuple[Held | tuple[()], ...]
    push: Push | tuple[()] = ()
    late: Push | tuple[()] = ()
    polled: int = 0  # 2 in this tick, 1 in the last one: counted only where outages are looked at
    saw: bool = False  # the newest commit
    lost: bool = False  # a commit that it saw is not on the branch any more
    told: bool = False  # its heartbeat says that it has halted
    foreign: bool = False  # another process has beaten under its name
    role: int = 0  # tells a node and its copy from the others
    doubts: int = CERTAIN


class Left(NamedTuple):
    """How often each fault may still happen, and people may still ask."""

    answers: int = 0
    crashes: int = 0
    reboots: int = 0
    aborts: int = 0
    rewinds: int = 0
    copies: int = 0


class State(NamedTuple):
    """`quiet`, by node: ticks since its last sign of life landed. An observer that was connected all the time counts as
    much, any other one less: so who may be given up by somebody follows from this alone.
    """

    slots: tuple[Record, ...]
    nodes: tuple[Node, ...]
    quiet: tuple[int, ...]
    left: Left
    unheard: tuple[int, ...] = ()  # the same, counting only ticks in which somebody looked
    before: tuple[Record, ...] = ()  # what stood on the branch before its newest commit, where that may be lost
    gone: tuple[Record, ...] = ()  # what was lost, while it can be put back
    since: tuple[int, ...] = ()  # by slot: ticks since the claim landed, where two processes may have one name
    truce: int = 0  # ticks in which nobody may claim, after a person has let a loss stand
