"""On whose account an execution is: of the person who asked for its chain, of a group, or of a tag."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from flow.model.snapshot import ProjectView
from schema.access import fits
from schema.fairness import FairShare

NOBODY = "unknown"
UNTAGGED = "untagged"


def person(view: ProjectView, chain: int) -> str:
    """The address of whoever asked for the start; his name where he has none."""
    reply = next((each for each in view.replies if each.seq == chain), None)
    return _address(reply.by) if reply else NOBODY


@lru_cache(4096)
def _address(by: str) -> str:
    name, _, rest = by.partition(" <")
    said = rest.rstrip(">").strip().lower() or name.strip()
    return "".join(said.split())[:320] or NOBODY


def tag(view: ProjectView) -> str:
    return view.project.tags[0] if view.project and view.project.tags else UNTAGGED


def account(share: FairShare, who: str, first_tag: str) -> str:
    """A person in several groups counts for the first that `winslow.yaml` names; one in none for himself."""
    if share.by == "tag":
        return first_tag
    return _group(who, share.groups) if share.by == "group" else who


def _group(who: str, groups: Mapping[str, Iterable[str]]) -> str:
    name = f"mail:{who}"
    return next((group for group, members in groups.items() if any(fits(each, name) for each in members)), who)
