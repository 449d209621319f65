"""What a node is started with."""

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from controller.housekeeping.retention import NO_LEAST, Room
from controller.node.owner import NOT_WATCHED, OwnerOptions
from runner.slurm.submission import SlurmOptions


class CannotStart(Exception):
    """The node cannot run like this; the text says what to do."""


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """`winslowctl node`'s options. Times in seconds. `images` maps image patterns to folders (process runner)."""

    repo: str
    name: str
    data: Path
    runner: str = "auto"
    slurm: SlurmOptions | None = None  # where on a cluster its jobs go
    poll: float = 5.0
    heartbeat: float = 60.0
    slots: int | Literal["auto"] | None = None  # `auto`: as many as fit
    pool: Path | None = None
    images: Path | None = None
    labels: tuple[str, ...] = ()
    build: bool = False  # makes images of `images/` on `main`
    policy: Path | None = None  # the file of what stages are granted; None for the usual place
    notify: Path | None = None  # the file of addresses; without it this node tells nobody
    settle: float = 1.0
    board: float = 60.0
    peer: str | None = (
        None  # HOST:PORT where other nodes find this one's objects; a child of this process answers there
    )
    store: Path | None = None  # a directory that nodes share, instead of a store of its own
    bucket: str | None = None  # s3://NAME/PREFIX for what other nodes may need
    bucket_keys: Path | None = None  # its keys, where they are not in the environment
    keep_free: Room = NO_LEAST  # free disk below which more is dropped than retention's rules say
    triggers: bool = False  # commit what `triggers/*.yaml` want
    owner: OwnerOptions = NOT_WATCHED  # by what its owner is seen
    once: bool = False
    stop_stages: bool = False  # at the end, stop what runs instead of leaving it to the next start
    ended: threading.Event = field(default_factory=threading.Event)


def absolute(options: NodeOptions) -> NodeOptions:
    """Paths as they are wherever a child of this process looks from."""
    return replace(
        options,
        data=options.data.absolute(),
        pool=options.pool.absolute() if options.pool else None,
        images=options.images.absolute() if options.images else None,
        policy=options.policy.absolute() if options.policy else None,
        notify=options.notify.absolute() if options.notify else None,
        store=options.store.absolute() if options.store else None,
        bucket_keys=options.bucket_keys.absolute() if options.bucket_keys else None,
    )
