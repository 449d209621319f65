"""The runner contract: containers of this node, by claim id.

Every implementation passes the same suite (`tests/contract/test_runner.py`). What they promise:

* `create` makes a container that has not started; `start` starts it. Both are idempotent: a container that exists is
  left as it is, one that has started or ended is not started again. A failed `create` leaves nothing behind.
* Services are there only while their container is: begun by `serve` before its start, ended (KILL: they keep nothing)
  before it is seen to have exited, at `stop` of one that has not started, and at `remove`. One that ends by itself
  with another code than 0 ends the container.
* A container outlives the controller. `containers` finds it again by its labels, with the same start and exit code.
* After `start` a container is running, or queued where somebody else gives it a machine, with the reason.
* `stop` sends TERM, and KILL after the container's grace; it returns at once and may be repeated; it works over a
  restart of the controller in between, as whoever calls `stop` again goes on with what is left of the grace.
* The log file `directory/log` holds every line once: `<RFC 3339 UTC time> <O|E> <text>`, whatever happens to the
  controller. Lines longer than 16 KiB are split; the file stops growing at its cap, and a last line says so.
* What is `watched` has ended when its time is over, or right after the machine woke from a suspend in which it was:
  TERM then, KILL after its `kill_within`, whatever becomes of the controller. `renew` moves that time while it lasts;
  it never revives what is over.
* `containers` is cheap enough for every round and never raises for one broken container.

What they do not promise: `Container.started` of a container that ran before the last boot.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from runner.contract.spec import Capabilities, Container, Image, Spec
from runner.contract.usage import Usage


class Runner(Protocol):
    @property
    def capabilities(self) -> Capabilities: ...

    def resolve(self, image: str, pull: str) -> Image:
        """The image's digest or id, pulling it where `pull` says so. ImageUnavailable, EngineUnavailable."""
        ...

    def create(self, spec: Spec) -> Sequence[str]:
        """What people should know of it, if anything. ImageUnavailable, EngineUnavailable, Refused."""
        ...

    def serve(self, container: str) -> str:
        """Start the services of a created container; what it still waits for, nothing once they are ready.

        Returns at once, and is called again. ServiceNotReady, once they have ended.
        """
        ...

    def start(self, container: str) -> None: ...

    def stop(self, container: str) -> None: ...

    def renew(self, container: str, until: float) -> None:
        """Let a watched one run until then, in seconds since boot. Needs neither the engine nor room on the disk."""
        ...

    def remove(self, container: str) -> None:
        """Forget an ended container (stopping it first would be `stop`). Its log stays in its directory."""
        ...

    def containers(self) -> Mapping[str, Container]:
        """Containers carrying this node's labels (repository, node, incarnation), by claim id. EngineUnavailable."""
        ...

    def usage(self, container: str) -> Usage | None:
        """What a running one uses; None where that is not known. Cheap, and never raises."""
        ...

    def holds(self, container: str, process: int) -> bool:
        """Whether a process of this machine is one of a running container's. Cheap, and never raises."""
        ...

    def reap(self) -> None:
        """Let go of what only this process holds (log followers); containers go on."""
        ...
