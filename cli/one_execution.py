"""`describe PROJECT/N`: all about one execution."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cli import ages, output
from cli.history import execution_of
from cli.ps import place

if TYPE_CHECKING:
    from flow.model.snapshot import ProjectView
    from schema.execution import Execution


def describe_execution(view: "ProjectView", number: str) -> None:
    record = execution_of(view, number)
    value = {"project": view.id, **record.model_dump(mode="json", by_alias=True), "took": ages.took(record)}
    if output.for_programs(value):
        return
    why = ": ".join(part for part in (str(record.reason or ""), record.text) if part)
    output.line(
        f"[bold]{output.shown(view.id)}/{record.execution}[/] {output.shown(record.stage)} · "
        f"{output.state_word(str(record.state))}{f' ({output.shown(why, 1000)})' if why else ''}"
    )
    for name, text in _facts(view, record):
        output.line(f"  {name:<10}{output.shown(text, 2000)}")
    for text in record.log.tail if record.log else ():
        output.line(f"  [dim]|[/] {output.shown(text)}")
    if record.log:
        output.line(f"\nwinslowctl logs {output.shown(view.id)}/{record.execution}")


def _facts(view: "ProjectView", record: "Execution") -> "Iterator[tuple[str, str]]":
    times, result = record.times, record.result
    yield "attempt", f"{record.attempt}, chain {record.chain}, asked by {record.request}{_asker(view, record)}"
    yield "node", place(record.claim.node, record.gpus)
    if record.image:
        yield "image", " ".join(filter(None, (record.image.ref, record.image.digest or record.image.id)))
    yield "command", " ".join(record.command)
    yield "started", f"{times.started or 'not yet'}{_ago(times.started)}"
    if times.finished:
        yield "ended", f"{times.finished}{_ago(times.finished)}, took {ages.short(ages.took(record)) or 'no time'}"
    if record.workspace.source:
        yield "built on", f"execution {record.workspace.source}"
    yield from _several("inputs", record.inputs)
    for layer, values in record.env.items():
        yield from _several("env", {f"{name}": f"{value}   ({layer})" for name, value in values.items()})
    if result:
        if result.exit_code is not None:
            yield "exit code", str(result.exit_code)
        yield from _several("values", result.values)
        yield from _several("metrics", result.metrics)
    if record.artifacts:
        yield "artifacts", f"{record.artifacts}: winslowctl files ls {view.id}/{record.execution} --artifacts"


def _several(name: str, values: "dict[str, Any]") -> "Iterator[tuple[str, str]]":
    from schema.file_input import plain

    for at, (key, value) in enumerate(values.items()):
        yield "" if at else name, f"{key} = {plain(value)}"


def _asker(view: "ProjectView", record: "Execution") -> str:
    by = next((reply.by for reply in view.replies if reply.request == record.request), "")
    return f" of {by}" if by else ""


def _ago(moment: str | None) -> str:
    age = ages.short(ages.since(moment))
    return f" ({age} ago)" if age else ""
