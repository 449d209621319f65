"""One thing that a trigger wants made once. Its place is a function of the trigger and of what it came of.

A start lies at `projects/P/requests/start-TRIGGER-KEY.yaml`, a project at `projects/TRIGGER-KEY/project.yaml`. KEY is
the nominal time, the beginning of a file's digest, the end of a chain, or the id of a call. Whoever creates the file
first has done it: nobody has to be asked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

from flow.model.snapshot import ProjectView, Snapshot
from schema import layout
from schema.trigger import PLACE, Trigger

KEY = 22
"""Characters of a key at most; a longer one is hashed."""
DIGITS = 16
"""Of a file's digest that make its key."""


@dataclass(frozen=True, slots=True)
class Firing:
    """`said` is what it came of, in words; `facts` are the values that its texts may name."""

    trigger: str
    key: str
    said: str
    facts: Mapping[str, str] = field(default_factory=dict, compare=False)


def of_time(name: str, trigger: Trigger, moment: datetime) -> Firing:
    assert trigger.schedule
    local = moment.astimezone(ZoneInfo(trigger.schedule.zone))
    facts = {"schedule.time": local.isoformat(timespec="minutes"), "schedule.date": local.date().isoformat()}
    return Firing(name, key_of(moment), local.isoformat(timespec="minutes"), facts)


def of_file(name: str, path: str, digest: str) -> Firing:
    folder, _, last = path.rpartition("/")
    facts = {
        "file.path": path,
        "file.name": last,
        "file.stem": last.rpartition(".")[0] or last,
        "file.folder": folder,
        "file.digest": digest,
    }
    return Firing(name, digest.rpartition(":")[2][:DIGITS], path, facts)


def of_end(name: str, project: str, chain: int, state: str) -> Firing:
    facts = {"project.id": project, "project.chain": str(chain), "project.state": state}
    key = f"{project}.{chain}" if state == "succeeded" else f"{project}.{chain}f"
    return Firing(name, _short(key), f"{project} {state}", facts)


def of_call(name: str, id: str, values: Mapping[str, str]) -> Firing:
    facts = {"hook.id": id, **{f"hook.{key}": value for key, value in values.items()}}
    return Firing(name, _short(id.lower()), f"call {id[:40]}", facts)


def _short(key: str) -> str:
    plain = len(key) <= KEY and key[:1].isalnum() and key[-1:].isalnum()
    if plain and all(sign.isascii() and (sign.islower() or sign.isdigit() or sign in ".-_") for sign in key):
        return key
    return blake2b(key.encode(), digest_size=8).hexdigest()


def key_of(moment: datetime) -> str:
    """As it stands in paths: `20261130t020000z`."""
    return moment.astimezone(UTC).strftime("%Y%m%dt%H%M%Sz")


def moment_of(key: str) -> datetime | None:
    try:
        return datetime.strptime(key, "%Y%m%dt%H%M%Sz").replace(tzinfo=UTC)
    except ValueError:
        return None


# where it lies, and whether it is there


def project_of(firing: Firing) -> str:
    """The id of a project that is made."""
    return f"{firing.trigger}-{firing.key}"


def request_of(firing: Firing) -> str:
    """The file's name of a start in a project that there is."""
    return f"start-{firing.trigger}-{firing.key}.yaml"


def path_of(firing: Firing, trigger: Trigger) -> str:
    if trigger.start:
        return layout.request(trigger.start.project, request_of(firing))
    return layout.project(project_of(firing))


def requests_in(view: ProjectView) -> Iterator[str]:
    """Names of all its requests, answered or not."""
    yield from (file.name for file in view.unanswered)
    yield from view.withheld
    yield from (reply.request for reply in view.replies)


def done(snapshot: Snapshot, trigger: Trigger, firing: Firing) -> bool:
    """Whether somebody has made it. A project that was deleted since was made, too."""
    if trigger.create:
        return project_of(firing) in snapshot.projects
    view = snapshot.projects.get(trigger.start.project) if trigger.start else None
    return view is not None and request_of(firing) in requests_in(view)


def keys_made(snapshot: Snapshot, name: str, trigger: Trigger) -> list[str]:
    """Of everything that this trigger has made."""
    if trigger.create:
        names = [id for id in snapshot.projects if id.startswith(f"{name}-")]
        return [each.removeprefix(f"{name}-") for each in names]
    view = snapshot.projects.get(trigger.start.project) if trigger.start else None
    before = f"start-{name}-"
    found = (each for each in requests_in(view) if each.startswith(before)) if view else ()
    return [each.removeprefix(before).removesuffix(".yaml") for each in found]


def times_made(snapshot: Snapshot, name: str, trigger: Trigger) -> list[datetime]:
    moments = (moment_of(key) for key in keys_made(snapshot, name, trigger))
    return sorted(moment for moment in moments if moment)


# its text


def filled(value: Any, firing: Firing) -> Any:
    """A value with its places replaced; what is put in is not looked at again."""
    if isinstance(value, str):
        known = {**firing.facts, "trigger.name": firing.trigger}
        return PLACE.sub(lambda match: known.get(match[1], ""), value)
    if isinstance(value, dict):
        return {key: filled(inner, firing) for key, inner in value.items()}
    return [filled(inner, firing) for inner in value] if isinstance(value, list | tuple) else value
