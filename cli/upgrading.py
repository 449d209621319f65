"""`service upgrade`: another version of Winslow on this machine, when it is this node's turn."""

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cli import completion, settings, systemd
from cli.complaints import say
from cli.errors import CommandError
from cli.giving_back import duration
from cli.node import hostname

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot

LOOK_EVERY = 2.0
BACK = 120.0
"""Seconds within which a node that was restarted has to work with its version."""
INSTALLS = 1800.0
"""Seconds after which an installation that has not ended is given up."""
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+!-]{0,63}")


def upgrade(
    version: Annotated[str, typer.Option("--to", help="the version to install, like 1.4.0")],
    node: Annotated[
        str,
        typer.Argument(help="the node's name; default: this host's", metavar="[NODE]", autocompletion=completion.nodes),
    ] = "",
    now: Annotated[bool, typer.Option("--now", help="at once, instead of after the nodes with smaller names")] = False,
    timeout: Annotated[str, typer.Option("--timeout", help="how long to wait for its turn, like 30m")] = "2h",
    user: Annotated[bool, typer.Option("--user", help="a service of your own, instead of the machine's")] = False,
    service: Annotated[str, typer.Option("--service", help="the service's name")] = systemd.NAME,
) -> None:
    """Install a version and restart the node with it, when all nodes before it by name work with that. Stages run on.

    The same line on each machine, at once or in any order, upgrades them one after the other. A node that is not back
    within two minutes gets its former version again, and those behind it stay as they are.
    Exit codes: 0 it works with that version, 1 it does not, 4 its turn did not come in time.
    Example: winslowctl service upgrade --to 1.4.0     winslowctl service upgrade --to 1.4.0 --user --timeout 30m
    """
    from state.edits import nodes

    name, patience = settings.checked_name(node or hostname(), "node"), duration(timeout, "--timeout") or 0.0
    if not _VERSION.fullmatch(version):
        raise CommandError(f"{version[:40]!r} is no version; write one like 1.4.0", 2)
    if not systemd.place(service, user=user).exists():
        raise CommandError(f"{service} is no service here; `winslowctl service install` makes it, or give --user")
    _, found = settings.snapshot(live=True)
    try:
        nodes.check_known(found, name)
    except nodes.CannotDrain as error:
        raise CommandError(str(error)) from None
    it = NodeUpgrade(_installed, lambda: systemd.restart(service, user=user), _look, time.monotonic, time.sleep, print)
    if not now:
        it.wait_for_turn(found, name, version, patience)
    it.move(found, name, version)


@dataclass(frozen=True, slots=True)
class NodeUpgrade:
    """What an upgrade does here. `install` and `restart` tell why they failed, or nothing; `look` may know nothing."""

    install: Callable[[str], str]
    restart: Callable[[], str]
    look: "Callable[[], Snapshot | None]"
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    tell: Callable[[str], None]

    def wait_for_turn(self, found: "Snapshot", node: str, version: str, patience: float) -> None:
        """CommandError where it does not come in time."""
        from flow.node.upgrade_turns import ahead_of, not_yet

        before, until, said = ahead_of(found, node, time.time()), self.clock() + patience, ""
        snapshot: Snapshot | None = found
        while waits := not_yet(snapshot, before, version) if snapshot else {"the repository": "does not answer"}:
            text = "; ".join(f"{name} {why}" for name, why in waits.items())
            if self.clock() >= until:
                raise CommandError(f"{node} is as it was: its turn did not come in time. {text}", 4)
            if text != said:
                self.tell(f"waits for its turn: {text}")
            said = text
            self.sleep(LOOK_EVERY)
            snapshot = self.look()

    def move(self, found: "Snapshot", node: str, version: str) -> None:
        """CommandError where the node does not work with it; it has its former version again then."""
        inventory = found.inventories.get(node)
        former = inventory.winslow if inventory else ""
        if why := self.install(version):
            raise CommandError(f"{version} is not installed, and {node} is as it was: {why}")
        self.tell(f"{version} is installed; {node} is restarted, and its stages run on")
        if not (why := self._not_back(node, version)):
            self.tell(f"{node} works with {version}")
            return
        if not _VERSION.fullmatch(former) or former == version:
            raise CommandError(f"{node} is not back with {version}: {why}. What it ran before is not known")
        undone = self.install(former) or self._not_back(node, former)
        then = f"nor with {former}, which it ran before: {undone}" if undone else f"it works with {former} again"
        raise CommandError(f"{node} is not back with {version}: {why}; {then}")

    def _not_back(self, node: str, version: str) -> str:
        """Restart it. Why it does not work with that version two minutes on; nothing as soon as it does. What counts is
        a heartbeat that the process before cannot have sent: its inventory may be an old one.
        """
        from flow.node.upgrade_turns import not_yet

        if why := self.restart():
            return why
        until, last = self.clock() + BACK, self._newest_beat(node)
        while True:
            self.sleep(LOOK_EVERY)
            snapshot = self.look()
            waits = not_yet(snapshot, [node], version) if snapshot else {node: "the repository does not answer"}
            beat = snapshot.heartbeats.get(node) if snapshot else None
            if not waits and beat and beat != (last := last or beat):
                return ""
            if self.clock() >= until:
                return f"{waits.get(node, 'it gives no sign of life')}; `journalctl -u {systemd.NAME}` says more"

    def _newest_beat(self, node: str) -> str | None:
        """That the repository holds now, if it answers."""
        snapshot = self.look()
        return snapshot.heartbeats.get(node) if snapshot else None


def _look() -> "Snapshot | None":
    from state.contract.errors import StateError

    try:
        return settings.snapshot(live=True)[1]
    except StateError as error:
        say(str(error))
        return None


def _installed(version: str) -> str:
    """Install it where this program runs from, with the extras that are there. Why not, or nothing."""
    from runner import extras

    command = extras.exactly(version)
    if isinstance(command, str):
        return command
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=INSTALLS, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return (lines[-1] if lines else f"exit code {done.returncode}")[:400] if done.returncode else ""
