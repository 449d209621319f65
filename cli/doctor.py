"""`doctor`: whether this machine and the repository can do their work, and what to do where not."""

import os
import shutil
import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli import bare, output, settings
from cli.errors import CommandError
from runner import extras

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot

ROOM = 5 * 2**30
SKEW = 300.0
"""Seconds by which a recorded time may lie in the future before the clock is doubted."""
TOOLKIT = "nvidia-container-runtime-hook"
"""The program by which Docker gives GPUs to containers."""
Finding = tuple[str, str, str]


def add_to(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="give a bare repository the settings and the hook it lacks")
    ] = False,
) -> None:
    """Look whether this machine and the repository can do their work; each line says what to do.

    Example: winslowctl doctor --repo /srv/git/lab.git
    """
    rows = [{"check": name, "result": result, "text": text} for name, result, text in _checks(fix)]
    if not output.for_programs(rows):
        colours = {"ok": "green", "warn": "yellow", "fail": "red"}
        output.table(
            ("CHECK", "RESULT", "WHAT"),
            [[r["check"], f"[{colours[r['result']]}]{r['result']}[/]", output.shown(r["text"], 2000)] for r in rows],
            whole=True,
        )
    if any(row["result"] == "fail" for row in rows):
        raise typer.Exit(1)


def _checks(fix: bool) -> Iterator[Finding]:
    yield _git()
    yield _packages()
    yield _names()
    yield from _repository(fix)
    yield _docker()
    yield _gpus()
    yield _policy()
    yield _disk()


def _git() -> Finding:
    import subprocess

    if not shutil.which("git"):
        return "git", "fail", "not installed; apt-get install git"
    version = subprocess.run(["git", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    return "git", "ok", version


def _packages() -> Finding:
    """What this installation can do beyond the command alone."""
    missing = [feature for feature in extras.ALL if extras.lacking(feature)]
    if not missing:
        return "packages", "ok", "all that a node can do"
    names = ", ".join(feature.name for feature in missing)
    return "packages", "warn", f"enough for the command and a plain node; for {names}: {extras.command()}"


def _names() -> Finding:
    """Other modules called like our packages: they are not loaded, but who starts Python by hand may meet them."""
    from runner.isolated import shadows

    found = shadows()
    if not found:
        return "names", "ok", "nothing shadows Winslow's packages"
    where = ", ".join(found[:3])
    return (
        "names",
        "warn",
        f"{where} would shadow Winslow's packages; `winslowctl` does not load them, `python -m cli.main` may",
    )


def _repository(fix: bool) -> Iterator[Finding]:
    from flow.model.snapshot import ProblemOrigin
    from state.contract.errors import StateError
    from state.history.events import events
    from state.transport.push_address import push_address

    try:
        yield from bare.findings(settings.repo_url(), fix=fix)
        client, snapshot = settings.snapshot(live=True)
    except (CommandError, StateError) as error:
        yield "repository", "fail", str(error)
        return
    found = ((snapshot.projects, "project"), (snapshot.inventories, "node"))
    yield "repository", "ok", ", ".join(output.counted(len(each), what) for each, what in found)
    yield from _mirror(client.url)
    flags = [flag.text for view in snapshot.projects.values() for flag in view.flags]
    for text in dict.fromkeys(flags):
        yield "history", "fail", text
    for problem in [each for each in snapshot.problems if each.origin is not ProblemOrigin.HISTORY][:5]:
        yield "document", "warn", problem.text
    yield _nodes(snapshot)
    yield from _broken(client.url)
    yield from _signs(push_address(client.url))
    yield _clock([event.time for event in events(client, limit=1)], time.time())
    for name, inventory in sorted(snapshot.inventories.items()):
        if inventory.clock:
            yield "clock", "warn", f"that of {name} was {inventory.clock}; times before and after do not fit together"


def _mirror(url: str) -> Iterator[Finding]:
    from state.transport.push_address import push_address
    from state.transport.urls import shown

    if (there := push_address(url)) != url:
        text = f"read from {shown(url)}, pushed to {shown(there)} (git's pushInsteadOf): a mirror that lags behind does"
        yield "mirror", "warn", f"{text} not show yet what was pushed; --repo {shown(there)} reads there, as nodes do"


def _nodes(snapshot: "Snapshot") -> Finding:
    """Whether anybody would do what is asked for."""
    from flow.node.node_states import nobody_answers, standings

    found = standings(snapshot)
    if not found:
        return "nodes", "warn", "no node has joined; `winslowctl node --repo URL --name N` does"
    if why := nobody_answers(snapshot):
        if any(each.answers for each in found.values()):
            return "nodes", "fail", why
        return "nodes", "fail", f"{why}; start one, or `winslowctl nodes rm` one that is gone for good"
    amiss = [f"{each.node} {each.why}" for each in found.values() if each.state not in ("ready", "draining")]
    if amiss:
        return "nodes", "warn", ", ".join(amiss)
    return "nodes", "ok", "1 answers" if len(found) == 1 else f"{len(found)} answer"


def _signs(url: str) -> Iterator[Finding]:
    """Where others see the signs of life of nodes, and whether the server keeps two of them from the same work."""
    from state.git.heartbeat_probe import NO_SWAP, probe

    refs = probe(url)
    found = refs if refs.good else probe(url, branches=True)
    verb = "shows nobody" if refs.hidden else "refuses" if refs.answered else "does not answer a push to"
    why = f"the server {verb} refs/winslow/…: {refs.text}"
    left = "" if found.delete else "; what was tried stays there, as the server lets nobody delete it"
    if refs.good:
        yield "node refs", "ok", f"the server lets nodes keep refs/winslow/nodes/…{left}"
    elif found.good:
        yield "node refs", "warn", f"heartbeats go to branches winslow-nodes/… instead{left}; {why}"
    else:
        hint = "let nodes create and force-push branches winslow-nodes/*, or they count as lost"
        first = f"{why}; or {hint}" if refs.hidden else f"{hint}; {why}"
        yield "node refs", "fail", f"{first}; as for branches: {found.text}"
    if found.compares is False:
        yield "compare-and-swap", "fail", NO_SWAP
    elif found.compares:
        yield "compare-and-swap", "ok", "the server refuses a push that came too late"


def _broken(url: str) -> Iterator[Finding]:
    """Refs that keep the server from taking any push, where they can be seen from here."""
    from state.transport.remote import broken_refs_in
    from state.transport.urls import local_path

    folder = local_path(url)
    for ref in broken_refs_in(folder) if folder else ():
        text = f"{ref} names an object that is not there, so no push is taken; git -C {folder} update-ref -d {ref}"
        yield "refs", "fail", text


def _clock(recorded: list[str], now: float) -> Finding:
    """Nothing is decided by it, but people read the times."""
    newest = max((datetime.fromisoformat(text).timestamp() for text in recorded), default=now)
    if newest - now > SKEW:
        text = f"this clock is {newest - now:.0f} s behind the newest event's; set it (timedatectl set-ntp true)"
        return "clock", "warn", text
    return "clock", "ok", "not behind the newest event"


def _docker() -> Finding:
    from runner.contract.errors import RunnerError

    try:
        from runner.docker.docker_runner import engine

        found = engine()
    except (RunnerError, ImportError) as error:
        hint = extras.lacking(extras.DOCKER) or f"apt-get install docker.io ({error})"
        text = f"no engine answers, stages would run as processes; {hint}"
        return "docker", "warn", text
    live = "" if found.live_restore else "; set live-restore, or a restart of dockerd ends stages"
    loose = f"; it cannot limit {', '.join(found.discards)}, so stages that ask for that run elsewhere"
    wrong = live + (loose if found.discards else "")
    return "docker", "warn" if wrong else "ok", f"Docker Engine {found.version}{wrong}"


def _gpus() -> Finding:
    from runner.gpus import find, sees_processes
    from schema.node import Health

    found = find()
    gpus = found.look()
    well = found.certain and all(gpu.health in (Health.OK, Health.BUSY) for gpu in gpus)
    text = found.text
    if gpus and not _toolkit():
        well, text = False, f"{text}; for containers, install nvidia-container-toolkit and restart dockerd"
    if gpus and not sees_processes():
        text += "; stages of this machine share no GPU: the controller sees other processes than the driver names"
    return "gpus", "ok" if well else "warn", text


def _policy() -> Finding:
    """What the owner of this machine grants to stages; of a node with `--policy FILE` its copy of what is in force."""
    from controller.grants.policy_file import USUAL, PolicyRefused, load

    kept = settings.data() / "node" / "policy.yaml"
    place = kept if kept.exists() and not USUAL.exists() else USUAL
    shown = "what `node --policy` named" if place is kept else str(USUAL)
    try:
        dangers = [what for _, what in load(place).dangers()]
    except FileNotFoundError:
        return "policy", "ok", f"no {USUAL}: stages get least rights, and nothing else"
    except (OSError, PolicyRefused) as error:
        return "policy", "fail", str(error)
    if dangers:
        return "policy", "warn", f"DANGEROUS: {shown} gives stages power over this machine: {', '.join(dangers)}"
    return "policy", "ok", f"{shown} is in force" if place is kept else f"{shown} can be taken"


def _toolkit() -> bool:
    """Whether Docker can give GPUs to containers, as far as can be told from here: doctor may run in one itself."""
    from runner.contract.errors import RunnerError

    try:
        from runner.docker.docker_runner import engine

        found = engine()
        return "nvidia" in found.runtimes or found.cdi or shutil.which(TOOLKIT) is not None
    except (RunnerError, ImportError):
        return True  # stages would run as processes


def _disk() -> Finding:
    folder = settings.data().absolute()
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        return "data", "fail", f"{folder} cannot be written; name another folder with --data"
    free = shutil.disk_usage(folder).free
    text = f"{free / 2**30:.0f} GiB free at {folder}"
    return ("disk", "ok", text) if free > ROOM else ("disk", "warn", f"{text}; make room, or name another with --data")
