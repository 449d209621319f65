"""Sends the notice on standard input to a target of the file that is its argument. Exit code 1 and why where it cannot.

In a process of its own, because apprise loads a hundred services, a server may never answer, and sockets are watched
here: an address on this machine or link-local is refused at the moment of connecting, whatever a name resolved to and
wherever a server redirected. The sentence names the target, never its address, which holds secrets.
"""

import hashlib
import ipaddress
import json
import logging
import re
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from runner import bounded_run, extras, isolated
from runner.bounded_run import Bounds, SaysTooMuch, TakesTooLong
from schema.codec import load
from schema.errors import DocumentError
from state.transport.credentials import trust_alike

MOST_BYTES = 65_536
TIMEOUT = 60.0
MOST_MEMORY = 512 << 20
"""Bytes that one sender may take, with what a service answers."""

GONE = "this address is in the file no more"
"""Why a notice is not sent that nobody can be given any more."""
FORBIDDEN = "an address on this machine or link-local: not connected (docs/operating.md)"
REFUSED: list[str] = []
"""Why the guard let nothing be connected to since the last notice."""


class CannotSend(Exception):
    """The text says why, without any address."""


def read_targets(file: Path) -> tuple[dict[str, tuple[str, ...]], bool]:
    """Addresses by name, and whether those on this machine are allowed. CannotSend.

    loopback: false
    url: https://winslow.example.org       # of the page: each notice has a link to it
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
            REFUSED.append(FORBIDDEN)
            raise PermissionError(FORBIDDEN)
        return real(self, address)

    return connect


def digest(address: str) -> str:
    """By which an address is named where it must not be read."""
    return hashlib.blake2b(address.encode(), digest_size=8).hexdigest()


def page_of(file: Path) -> str:
    """Where people reach the page, as a file says with `url`; nothing where it says nothing, or cannot be read."""
    try:
        found = load(file.read_bytes()[:MOST_BYTES], str(file)).value
    except (OSError, DocumentError):
        return ""
    said = found.get("url") if isinstance(found, dict) else None
    return said if isinstance(said, str) and said.startswith(("http://", "https://")) else ""


def send(targets: Mapping[str, tuple[str, ...]], notice: Mapping[str, str]) -> None:
    """To the address whose digest is named, else to all of the target. CannotSend."""
    name, wanted = notice["target"], notice.get("address")
    if wanted:
        addresses = tuple(each for each in chain(*targets.values()) if digest(each) == wanted)[:1]
    elif name in targets:
        addresses = targets[name]
    else:
        raise CannotSend(f"there is no target {name!r} on this node")
    if not addresses:
        raise CannotSend(GONE)
    name = name or next(each for each, its in targets.items() if addresses[0] in its)
    refused = [why for address in addresses if (why := _refusal(name, address, notice))]
    if refused:
        of = f" ({len(refused)} of its {len(addresses)} addresses)" if len(addresses) > 1 else ""
        raise CannotSend(f"target {name!r} did not take it{of}: {'; '.join(refused)}")


def _refusal(name: str, address: str, notice: Mapping[str, str]) -> str:
    """Why the address did not take it, without anything of the address; nothing where it did. CannotSend."""
    try:
        from apprise import Apprise, NotifyType
    except ImportError:
        raise CannotSend(extras.lacking(extras.NOTICES)) from None
    service, said = Apprise(), ServiceComplaint()
    if not service.add(address):
        raise CannotSend(f"target {name!r} has an address that apprise does not understand")
    bad = notice["subject"] in ("failed", "node_lost", "dropped")
    kind = NotifyType.FAILURE if bad else NotifyType.INFO
    REFUSED.clear()
    logging.getLogger("apprise").addHandler(said)
    try:
        if service.notify(body=notice["text"], title=notice["title"], notify_type=kind):
            return ""
    finally:
        logging.getLogger("apprise").removeHandler(said)
    return without(address, "; ".join(dict.fromkeys([*REFUSED, *said.warnings]))) or "it does not say why"


class ServiceComplaint(logging.Handler):
    """What apprise says of a service that took nothing."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.warnings: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage().strip().rstrip(".")
        redirects = " (it redirects, which is not followed)" if re.search(r"error=3\d\d", text) else ""
        self.warnings.append(text + redirects)


def without(address: str, text: str) -> str:
    """The text without any part of the address that may be a secret or lead to one."""
    parts = sorted({part for part in re.split(r"[^\w.-]+", address) if len(part) > 2}, key=len, reverse=True)
    for part in parts:
        if part != address.partition(":")[0]:
            text = re.sub(re.escape(part), "…", text, flags=re.IGNORECASE)
    return text


def apart(file: Path, notice: str) -> str:
    """Send it in a process of its own; why it could not be sent, or nothing."""
    command = isolated.command("controller.notify.send", str(file.absolute()))
    try:
        done = bounded_run.run(command, isolated.environment(), Bounds(TIMEOUT, MOST_BYTES), notice.encode())
    except SaysTooMuch:
        return "the sender says more than is read"
    except (OSError, TakesTooLong) as error:
        return f"no answer ({type(error).__name__})"
    return done.out.decode(errors="replace").strip()[-300:] or "the sender died" if done.code else ""


def _bound_memory() -> None:
    """What a service answers is read whole, by a library that has no bound: this one's memory is."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    bound = MOST_MEMORY if most == resource.RLIM_INFINITY else min(MOST_MEMORY, most)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, most))


def main() -> int:
    signal.alarm(int(TIMEOUT) + 5)  # nobody else would end it, had its parent died
    _bound_memory()
    trust_alike()
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
