"""Definitions of pipelines while they are written: what is wrong by line, what they would change; and putting them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from flow.boards.planned import Planned, difference
from flow.definition.includes import BadInclude, resolved
from flow.model.snapshot import Snapshot
from flow.project.pipeline_checks import misnamed, unfilled
from flow.reconcile.plan import plan
from schema import layout
from schema.binding import bind
from schema.codec import load
from schema.errors import DocumentError, Problem
from schema.pipeline import Pipeline
from state.contract.commit_message import clean, said
from state.contract.repository import Edit
from state.edits.merge_requests import Proposal, propose
from webui.source.outbox import CommitYourself, Outbox


@dataclass(frozen=True, slots=True)
class PipelineDraft:
    """A text as a definition: what is wrong with it, or what it would change."""

    text: str
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    planned: tuple[Planned, ...] = ()
    pipeline: Pipeline | None = None  # with what it includes

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


def draft(now: Snapshot, name: str, text: str) -> PipelineDraft:
    """What is wrong with a text as the definition of that name, or what would follow from it."""
    file = layout.pipeline(name)
    try:
        parsed = load(text, file)
        pipeline = bind(Pipeline, parsed)
    except DocumentError as error:
        return PipelineDraft(text, error.problems)
    try:
        whole = resolved(pipeline, lambda other, ref: {**now.pipelines, name: pipeline}.get(other))
    except BadInclude as error:
        return PipelineDraft(text, (parsed.problem(("include", error.at), f"include: {error}"),))
    problems = (*misnamed(pipeline, name, parsed), *unfilled(pipeline, parsed))
    if problems:
        return PipelineDraft(text, problems)
    after = _with(now, whole)
    planned = tuple(difference(plan(now), plan(after)))
    return PipelineDraft(text, notes=(*_changes(now, whole),), planned=planned, pipeline=whole)


def _with(snapshot: Snapshot, pipeline: Pipeline) -> Snapshot:
    """As if `main` held it already. Chains keep the definition they began with."""
    projects = {
        id: replace(view, pipeline=pipeline, pipeline_problem="")
        if view.project and view.project.pipeline == pipeline.name
        else view
        for id, view in snapshot.projects.items()
    }
    return replace(snapshot, pipelines={**snapshot.pipelines, pipeline.name: pipeline}, projects=projects)


def _changes(snapshot: Snapshot, pipeline: Pipeline) -> Iterator[str]:
    before = snapshot.pipelines.get(pipeline.name)
    if before is None:
        yield "a new pipeline"
        return
    old, new = ({stage.name: stage for stage in each.stages} for each in (before, pipeline))
    for verb, names in (
        ("new", [name for name in new if name not in old]),
        ("gone", [name for name in old if name not in new]),
        ("changed", [name for name in new if name in old and new[name] != old[name]]),
    ):
        if names:
            yield f"{verb}: stage{'s' * (len(names) > 1)} {', '.join(names)}"
    if before.inputs != pipeline.inputs:
        yield "the inputs change"
    if before != pipeline and (users := len(used(snapshot).get(pipeline.name, ()))):
        yield f"{users} project{'s' * (users > 1)} use it; what has started keeps its definition, new starts take this"


def broken_pipelines(snapshot: Snapshot) -> list[str]:
    """What is wrong with files below `pipelines/`, in words."""
    return [each.text for each in snapshot.problems if each.path.startswith("pipelines/")]


def used(snapshot: Snapshot) -> Mapping[str, list[str]]:
    """The projects of each pipeline."""
    found: dict[str, list[str]] = {}
    for view in snapshot.projects.values():
        if view.project:
            found.setdefault(view.project.pipeline.partition("@")[0], []).append(view.id)
    return found


def put(
    outbox: Outbox, name: str, text: str, comment: str, author: str, expected: dict[str, str] | None = None
) -> str | None:
    """As `Outbox.edit`."""
    edit = _edit(name, text, comment, author)
    return outbox.edit(dict(edit.files), edit.message, author, expected)


def proposed(outbox: Outbox, name: str, text: str, comment: str, author: str) -> Proposal:
    """A branch with a merge request. NotCommitted, StateError."""
    edit = _edit(name, text, comment, author)
    if not outbox.push:
        raise CommitYourself(edit)
    return outbox.use(lambda client: propose(client, edit, name))


def _edit(name: str, text: str, comment: str, author: str) -> Edit:
    return Edit({layout.pipeline(name): ended(text)}, said(clean(comment)) or f"Put pipeline {name}", author)


def ended(text: str) -> str:
    """With line ends of one kind, also at its end."""
    text = text.replace("\r\n", "\n")
    return text if text.endswith("\n") else f"{text}\n"
