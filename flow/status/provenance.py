"""Where a result comes from: the execution that left it, what that was built on, and so on to the first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flow.model.snapshot import ProjectView, Snapshot
from flow.status.states import built_on
from schema.execution import Execution
from schema.file_input import FileInput, plain
from schema.reply import Reply


@dataclass(frozen=True, slots=True)
class Origin:
    """A value that an execution was given, and who said so: a request, the project, or the pipeline's default."""

    name: str
    value: object
    by: str
    request: str = ""  # the file, where it was one


@dataclass(frozen=True, slots=True)
class ProvenanceStep:
    """One execution of the chain. `asked` are the accepted requests that led to it, oldest first."""

    project: str
    record: Execution
    origins: tuple[Origin, ...] = ()
    asked: tuple[Reply, ...] = ()
    added: Mapping[str, str] = field(default_factory=dict)  # files that a person put before it began
    removed: tuple[str, ...] = ()


def steps(view: ProjectView, number: int) -> list[ProvenanceStep]:
    """The execution, then all that it was built on, and so on, each once, the nearest first.

    A result that was taken leads to where it was made.
    """
    found: list[ProvenanceStep] = []
    ahead = [number]
    for at in ahead:
        if record := view.execution(at):
            found.append(_step(view, record))
            below = (record.cached.execution,) if record.cached else built_on(record)
            ahead += [each for each in dict.fromkeys(below) if each not in ahead]
    return found


def _step(view: ProjectView, record: Execution) -> ProvenanceStep:
    asked = tuple(_asked(view, record))
    origins = tuple(_origin(view, asked, name, value) for name, value in record.inputs.items())
    return ProvenanceStep(view.id, record, origins, asked, record.workspace.add, record.workspace.remove)


def _asked(view: ProjectView, record: Execution) -> Iterator[Reply]:
    """Of its chain, up to the request that put the chain where it was wanted, and the answers before it began."""
    for reply in view.replies:
        if reply.accepted and reply.seq >= record.chain and _before(reply, record) and not _later(view, reply, record):
            yield reply


def _before(reply: Reply, record: Execution) -> bool:
    if reply.kind == "start":
        return reply.seq == record.chain
    if reply.position:
        return reply.position.after < record.execution
    return reply.kind == "answer" or reply.request == record.request


def _later(view: ProjectView, reply: Reply, record: Execution) -> bool:
    """An answer that a later stage asked for."""
    pipeline = view.definition
    if reply.kind != "answer" or not (pipeline and pipeline.stage(record.stage) and pipeline.stage(reply.stage or "")):
        return False
    return pipeline.index(str(reply.stage)) > pipeline.index(record.stage)


def _origin(view: ProjectView, asked: tuple[Reply, ...], name: str, value: object) -> Origin:
    given = plain(value)
    for reply in reversed(asked):
        if name in reply.inputs and reply.inputs[name] == given:
            return Origin(name, value, reply.by, reply.request)
    spec = view.definition.inputs.get(name) if view.definition else None
    if view.project and view.project.inputs.get(name) == given:
        return Origin(name, value, "project")
    return Origin(name, value, "pipeline" if spec is not None and spec.default == given else "project")


def told(step: ProvenanceStep) -> dict[str, Any]:
    """As plain values, as programs are given it."""
    record = step.record
    return {
        "project": step.project,
        "execution": record.execution,
        "stage": record.stage,
        "state": str(record.state),
        "cached": record.cached.model_dump() if record.cached else None,
        "image": record.image.model_dump() if record.image else None,
        "command": list(record.command),
        "inputs": [_told(origin) for origin in step.origins],
        "env": {layer: values for layer, values in record.env.items() if layer != "winslow"},
        "workspace": record.workspace.model_dump(mode="json", by_alias=True),
        "node": record.claim.node,
        "gpus": list(record.gpus),
        "exit_code": record.result.exit_code if record.result else None,
        "manifest": record.result.manifest if record.result else None,
        "times": record.times.model_dump(),
        "definition": record.wanted,
        "requests": [
            {name: getattr(reply, name) for name in ("request", "kind", "by", "commit", "comment")}
            for reply in step.asked
        ],
    }


def _told(origin: Origin) -> dict[str, object]:
    value = origin.value.model_dump() if isinstance(origin.value, FileInput) else origin.value
    return {"name": origin.name, "value": value, "by": origin.by, "request": origin.request}


def named_by(snapshot: Snapshot, digest: str) -> list[tuple[str, int, str]]:
    """(project, execution, as what) of every record that names a digest: a workspace, an input, an image, a log."""
    return [
        (id, record.execution, what)
        for id, view in snapshot.projects.items()
        for record in view.executions
        for what, known in _digests(record)
        if known == digest
    ]


def _digests(record: Execution) -> Iterator[tuple[str, str | None]]:
    yield "its result", record.result.manifest if record.result else None
    yield "what it began with", record.workspace.manifest
    for name, value in record.inputs.items():
        if isinstance(value, FileInput):
            yield f"input {name}", value.digest
    for path, digest in record.workspace.add.items():
        yield f"{path}, put before it began", digest
    yield "the project's files", record.project_files
    if record.image:
        yield "its image", record.image.digest or record.image.id
    if record.log:
        yield "its log", record.log.digest
