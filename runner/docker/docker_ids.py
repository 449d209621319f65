"""Which container of the engine is whose: by the engine's id and by labels, as anybody may give it another name.

The id is noted in the container's directory once it was created. A copy that somebody ran from an image made of a stage
carries the labels of that stage too, and is not it. Labels of images are anybody's words: a service is known by its
name too, or by the id that was noted, so that what they say leads to no folder and ends nothing.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from docker.errors import APIError, NotFound

from runner import durable
from runner.contract.labels import PREFIX, Owner

NOTE, SERVICES_NOTE = "container.json", "services.json"
CLAIM = f"{PREFIX}.claim"
SERVICE, SERVICE_OF = f"{PREFIX}.service", f"{PREFIX}.service.of"
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
"""What runs and services are called."""
Entry = Mapping[str, Any]
"""As in the engine's list of containers."""


def name_of(container: str) -> str:
    return f"{PREFIX}-{container}"


class ContainerIds:
    def __init__(self, client: Callable[[], Any], owner: Owner, root: Path) -> None:
        self.client, self.owner, self.root = client, owner, root
        self._ids: dict[str, str] = {}
        self.services: Mapping[str, Mapping[str, Entry]] | None = None
        """Of the last look, by container and name; None where the engine did not list them."""

    def target(self, container: str) -> str:
        """What the engine is to be asked for: the id, where it is known, else the name it was given."""
        return self._id(container) or name_of(container)

    def _id(self, container: str) -> str:
        if container not in self._ids:
            noted = str(durable.read(self.root / container / NOTE).get("id", ""))
            if not noted:
                return ""
            self._ids[container] = noted
        return self._ids[container]

    def made(self, container: str, id: str) -> None:
        self._ids[container] = id
        durable.write(self.root / container / NOTE, {"id": id})

    def forget(self, container: str) -> None:
        self._ids.pop(container, None)
        (self.root / container / NOTE).unlink(missing_ok=True)

    def inspect(self, container: str) -> dict[str, Any] | None:
        """What the engine says of it; None where there is none. Also of one that is somebody else's."""
        api = self.client().api
        try:
            return dict(api.inspect_container(self.target(container)))
        except NotFound:
            if self._id(container):
                return None
        renamed = self._renamed(container)
        try:
            return dict(api.inspect_container(renamed)) if renamed else None
        except NotFound:
            return None

    def _renamed(self, container: str) -> str:
        """The id of one that is known by its label alone; a list that fails does not hide what its name would show."""
        wanted = [f"{key}={value}" for key, value in {**self.owner.labels(), CLAIM: container}.items()]
        with suppress(APIError):
            found = self._chosen(self.client().api.containers(all=True, filters={"label": wanted}))
            if container in found:
                return str(found[container]["Id"])
        return ""

    def own(self, container: str) -> dict[str, Any] | None:
        """None too for one of somebody else."""
        found = self.inspect(container)
        return found if found and self.owner.owns(found["Config"].get("Labels") or {}) else None

    def all(self) -> Mapping[str, Entry]:
        """This node's containers. Where the engine's list fails, as one broken container is enough for, one by one."""
        wanted = [f"{key}={value}" for key, value in self.owner.labels().items()]
        try:
            entries: Sequence[Entry] = self.client().api.containers(all=True, filters={"label": wanted})
            self.services = _services(entries, self.root)
        except APIError as error:
            if error.response is None or error.response.status_code in (401, 403, 503):
                raise
            entries, self.services = [*self._one_by_one()], None
        return self._chosen(entries)

    def _one_by_one(self) -> Iterable[Entry]:
        for note in self.root.glob(f"*/{NOTE}"):
            if found := self.inspect(note.parent.name):
                labels, state = found["Config"].get("Labels") or {}, found["State"]["Status"]
                yield {"Id": found["Id"], "Names": [found["Name"]], "Labels": labels, "State": state}

    def _chosen(self, entries: Iterable[Entry]) -> Mapping[str, Entry]:
        by_claim: dict[str, list[Entry]] = {}
        for entry in entries:
            by_claim.setdefault(str((entry.get("Labels") or {}).get(CLAIM, "")), []).append(entry)
        chosen = {each: self._one_of(each, these) for each, these in by_claim.items() if each}
        found = {each: entry for each, entry in chosen.items() if entry is not None}
        self._ids |= {container: str(entry["Id"]) for container, entry in found.items()}
        return found

    def _one_of(self, container: str, entries: Sequence[Entry]) -> Entry | None:
        """The one that was created, as far as that is known; else the one of its name, else the oldest."""
        if known := self._id(container):
            return next((entry for entry in entries if str(entry["Id"]) == known), None)
        named = (entry for entry in entries if f"/{name_of(container)}" in (entry.get("Names") or ()))
        return next(named, entries[-1])


def _services(entries: Iterable[Entry], root: Path) -> Mapping[str, Mapping[str, Entry]]:
    found: dict[str, dict[str, Entry]] = {}
    for entry in entries:
        if is_service(entry, root):
            found.setdefault(str(entry["Labels"][SERVICE_OF]), {})[str(entry["Labels"][SERVICE])] = entry
    return found


def service_name(container: str, service: str) -> str:
    return f"{PREFIX}-{container}-{service}"


def is_service(entry: Entry, root: Path) -> bool:
    """Whether it was made as the service that its labels call it; they may be those of an image."""
    labels = entry.get("Labels") or {}
    of, name = str(labels.get(SERVICE_OF, "")), str(labels.get(SERVICE, ""))
    if labels.get(CLAIM) or not (PLAIN.fullmatch(of) and PLAIN.fullmatch(name)):
        return False
    if f"/{service_name(of, name)}" in (entry.get("Names") or ()):
        return True
    noted = durable.read(root / of / SERVICES_NOTE).get("services", {}).get(name, {})
    return bool(noted) and noted.get("id") == entry["Id"]
