"""Sends the notice on standard input to a target of the file that is its argument. Exit code 1 and why where it cannot.

In a process of its own, because apprise loads a hundred services, a server may never answer, and sockets are watched
here: an address on this machine or link-local is refused at the moment of connecting, whatever a name resolved to and
wherever a server redirected. The sentence names the target, never its address, which holds secrets.
"""

import ipaddress
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runner import extras, isolated
from schema.codec import load
from schema.errors import DocumentError

MOST_BYTES = 65_536
TIMEOUT = 60.0


class CannotSend(Exception):
    """The text says why, without any address."""


def read_targets(file: Path) -> tuple[dict[str, tuple[str, ...]], bool]:
    """Addresses by name, and whether those on this machine are allowed. CannotSend.

    loopback: false
    targets:
      ada: mailto://user:password@example.org?to=ada@example.org
      lab: [slack://…, ntfy://…]
    """
    try:
        if file.stat().st_mode & 0o077:
            raise CannotSend(f"{file} holds secrets and can be read by others: chmod 600 {file}")
        with file.open("rb") as opened:
            found = load(opened.read(MOST_BYTES), str(file)).value
    except OSError as error:
        raise CannotSend(f"{file}: {error.strerror}") from None
    except DocumentError as error:
        raise CannotSend(str(error)) from None
    if not isinstance(found, dict) or not isinstance(found.get("targets"), dict):
        raise CannotSend(f"{file}: a mapping `targets` of names to addresses is wanted")
    targets = {}
    for name, value in found["targets"].items():
        addresses = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str) for each in addresses):
            raise CannotSend(f"{file}: target {name!r} needs an address, or a list of them")
        targets[str(name)] = tuple(addresses)
    return targets, found.get("loopback") is True


def forbidden(host: str) -> bool:
    """Whether it is an address of this machine, or one that is only a link's."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.is_loopback or mapped.is_link_local or mapped.is_unspecified or mapped.is_multicast


def guard(module: Any = socket) -> None:
    """From now on this process connects to no such address, and to no socket that is a file."""
    for name in ("connect", "connect_ex"):
        setattr(module.socket, name, _guarded(getattr(module.socket, name)))


def _guarded(real: Callable[..., Any]) -> Callable[..., Any]:
    def connect(self: socket.socket, address: Any) -> Any:
        inet = self.family in (socket.AF_INET, socket.AF_INET6)
        if self.type & socket.SOCK_STREAM and (not inet or forbidden(str(address[0]))):
            raise PermissionError("an address on this machine or link-local: not connected (docs/operating.md)")
        return real(self, address)

    return connect


def send(targets: Mapping[str, tuple[str, ...]], notice: Mapping[str, str]) -> None:
    """CannotSend."""
    name = notice["target"]
    if name not in targets:
        raise CannotSend(f"there is no target {name!r} on this node")
    try:
        from apprise import Apprise, NotifyType
    except ImportError:
        raise CannotSend(extras.lacking(extras.NOTICES)) from None
    service = Apprise()
    for address in targets[name]:
        if not service.add(address):
            raise CannotSend(f"target {name!r} has an address that apprise does not understand")
    bad = notice["subject"] in ("failed", "node_lost")
    kind = NotifyType.FAILURE if bad else NotifyType.INFO
    if not service.notify(body=notice["text"], title=notice["title"], notify_type=kind):
        raise CannotSend(f"target {name!r} did not take it")


def apart(file: Path, notice: str) -> str:
    """Send it in a process of its own; why it could not be sent, or nothing."""
    command, environment = isolated.command("controller.notify_send", str(file)), isolated.environment()
    try:
        done = subprocess.run(
            command, input=notice, capture_output=True, text=True, timeout=TIMEOUT, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no answer ({type(error).__name__})"
    return done.stdout.strip()[-300:] or "the sender died" if done.returncode else ""


def main() -> int:
    signal.alarm(int(TIMEOUT) + 5)  # nobody else would end it, had its parent died
    try:
        targets, loopback = read_targets(Path(sys.argv[1]))
        if not loopback:
            guard()
        send(targets, json.loads(sys.stdin.read(MOST_BYTES)))
    except CannotSend as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
