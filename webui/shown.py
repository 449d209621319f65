"""What a stage wants people to look at: the files that its `show` names, as the repository lists them."""

import json
from dataclasses import dataclass
from pathlib import Path

from flow.world import ProjectView
from schema import layout
from schema.execution import Execution, State
from state.looks import Looks
from webui.downloads import SHOWN
from webui.places import Place

MOST = 24


@dataclass(frozen=True, slots=True)
class Exhibit:
    """`kind`: image, video, or other."""

    path: str
    kind: str
    raw: str
    page: str


def exhibits(view: ProjectView, record: Execution | None, clone: Looks) -> list[Exhibit]:
    """Of one execution; nothing where its list cannot be read."""
    text = record and clone.read_text(layout.artifacts(view.id, record.execution, record.slot))
    if not text or record is None:
        return []
    try:
        listed = json.loads(text)
        paths = [str(path) for path in (listed.get("show") or ())][:MOST]
    except (ValueError, AttributeError, TypeError):
        return []
    place = Place(view.id, record.execution)
    return [Exhibit(path, _kind(path), f"{place.raw}/{path}", f"{place.url}/{path}") for path in paths]


def _kind(path: str) -> str:
    return SHOWN.get(Path(path.lower()).suffix, "other/").partition("/")[0]


def newest(view: ProjectView) -> Execution | None:
    """What a person who is asked something would look at: the last success of the chain."""
    return next((each for each in reversed(view.executions) if each.state is State.SUCCEEDED), None)
