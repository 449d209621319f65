"""What a stage wants people to look at: the files that its `show` names, as the repository lists them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flow.model.snapshot import ProjectView
from schema import layout
from schema.execution import Execution, State
from schema.show import ShowFile, ShowKind, shown_as
from state.git.clone_reader import CloneReader
from webui.files.downloads import DOCUMENTS, REPORTS, SHOWN
from webui.files.places import FileRoot

MOST = 24
KINDS = {
    **dict.fromkeys(REPORTS, "report"), **dict.fromkeys(DOCUMENTS, "document"),
    ".csv": "table", ".tsv": "table", ".md": "text", ".markdown": "text", ".txt": "text", ".json": "text",
}  # fmt: skip
WORDS = {ShowKind.PICTURE: "image"}


@dataclass(frozen=True, slots=True)
class Exhibit:
    """`kind`: image, video, report, document, chart, table, text, or other. `told` is what the pipeline says of it."""

    path: str
    kind: str
    raw: str
    page: str
    place: FileRoot
    told: ShowFile | None = None

    @property
    def title(self) -> str:
        return self.told.title if self.told else ""

    @property
    def name(self) -> str:
        """What it is called where there is room for one name."""
        return self.title or self.path


def exhibits(view: ProjectView, record: Execution | None, clone: CloneReader) -> list[Exhibit]:
    """Of one execution; nothing where its list cannot be read."""
    text = record and clone.read_text(layout.artifacts(view.id, record.execution, record.slot))
    if not text or record is None:
        return []
    try:
        listed = json.loads(text)
        paths = [str(path) for path in (listed.get("show") or ())][:MOST]
    except (ValueError, AttributeError, TypeError):
        return []
    place = FileRoot(view.id, record.execution)
    says = _says(view, record)
    told = {path: shown_as(says, path) for path in paths}
    return [
        Exhibit(path, _kind(path, told[path]), f"{place.raw}/{path}", f"{place.url}/{path}", place, told[path])
        for path in told
    ]


def _says(view: ProjectView, record: Execution) -> Sequence[str | ShowFile]:
    """As the pipeline has it now, also for earlier executions: nothing of how a file is shown is recorded."""
    stages = (pipeline.stage(record.stage) for pipeline in (view.pipeline, view.definition) if pipeline)
    return next((stage.show for stage in stages if stage), ())


def results(view: ProjectView, clone: CloneReader) -> list[tuple[Execution, list[Exhibit]]]:
    """What the newest success of each stage left to look at, the last stage first; together at most `MOST`."""
    newest = {each.stage: each for each in view.executions if each.state is State.SUCCEEDED}
    found, room = list[tuple[Execution, list[Exhibit]]](), MOST
    for record in sorted(newest.values(), key=lambda each: -each.execution):
        shown = exhibits(view, record, clone)[:room]
        room -= len(shown)
        if shown:
            found.append((record, shown))
    return found


def _kind(path: str, told: ShowFile | None) -> str:
    if told and told.kind:
        return WORDS.get(told.kind, str(told.kind))
    suffix = Path(path.lower()).suffix
    return KINDS.get(suffix) or SHOWN.get(suffix, "other/").partition("/")[0]


def newest(view: ProjectView) -> Execution | None:
    """What a person who is asked something would look at: the last success of the chain."""
    return next((each for each in reversed(view.executions) if each.state is State.SUCCEEDED), None)
