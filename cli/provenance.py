"""Verb `provenance`: where a file, a digest or an execution comes from."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import output, remote, settings
from cli.errors import CommandError
from cli.history import execution_of

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot
    from state.git.git_repository import GitRepository

DIGEST = re.compile(r"(blake3|sha256):[0-9a-f]{64}")
EXECUTION = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}(/[0-9]{1,9})?")
Found = tuple[str, int, str]
"""Project, execution, as what."""


def add_to(app: typer.Typer) -> None:
    app.command()(provenance)


def provenance(
    what: Annotated[str, typer.Argument(metavar="FILE|DIGEST|PROJECT/N", help="what to ask about")],
) -> None:
    """Where a result comes from: programs, parameters and who gave them, inputs, nodes, commits; back to the first.

    A FILE of this machine is looked up by its content, wherever it lies now.
    Example: winslowctl provenance crossing/7     winslowctl provenance tracks.csv
    """
    from flow.status.provenance import steps, told
    from state.history.events import newest, reporting

    client, snapshot = settings.snapshot()
    found = _found(client, snapshot, what)
    id, number, word = found[0]
    chain = steps(snapshot.projects[id], number)
    commits = reporting(newest(client), {(step.project, step.record.execution) for step in chain})
    value = {
        "project": id,
        "execution": number,
        "as": word,
        "chain": [{**told(step), "commits": commits.get((step.project, step.record.execution), {})} for step in chain],
        "also": [f"{other}/{n}: {as_what}" for other, n, as_what in found[1:]],
    }
    if not output.for_programs(value):
        _print(value)


def _found(client: "GitRepository", snapshot: "Snapshot", what: str) -> list[Found]:
    """Where it was made first, then who else names it. CommandError."""
    path = Path(what)
    if DIGEST.fullmatch(what):
        return _of_digest(client, snapshot, what) or _unknown(f"nothing that is recorded has the digest {what}")
    if path.is_file():
        from runner.store.digests import of_file

        digest = of_file(path)
        why = f"no execution left this very content ({digest}); it was changed since, or its project is gone"
        return _of_digest(client, snapshot, digest) or _unknown(why)
    if not EXECUTION.fullmatch(what):
        return _unknown(f"{what[:80]!r} is no file here, no digest, and no execution like crossing/7")
    id, _, number = what.partition("/")
    record = execution_of(settings.project_of(snapshot, id), number)
    return [(id, record.execution, "named")]


def _unknown(text: str) -> list[Found]:
    raise CommandError(text)


def _of_digest(client: "GitRepository", snapshot: "Snapshot", digest: str) -> list[Found]:
    from flow.status.provenance import named_by

    found = [*_artifacts(client, snapshot, digest), *_stored(snapshot, digest), *named_by(snapshot, digest)]
    unique = {(id, number): (id, number, word) for id, number, word in reversed(found)}
    return sorted(unique.values(), key=lambda each: ("," in each[2] or each[2].startswith("input"), each[1]))


def _artifacts(client: "GitRepository", snapshot: "Snapshot", digest: str) -> Iterator[Found]:
    """In the lists of artifacts, which stand in the repository."""
    import json

    from schema import layout

    for id, view in snapshot.projects.items():
        for record in view.executions:
            text = record.artifacts and client.read_text(layout.artifacts(id, record.execution, record.slot))
            if text and digest in text:
                for row in json.loads(text).get("artifacts", ()):
                    if row.get("digest") == digest:
                        yield id, record.execution, str(row.get("path"))


def _stored(snapshot: "Snapshot", digest: str) -> Iterator[Found]:
    """In the workspaces of this machine, and of nodes that answer, whatever was promised."""
    from runner.store.errors import Away, StoreError
    from runner.store.manifest import parse
    from runner.store.workspaces import Workspaces

    workspaces, away = Workspaces(settings.data()), set[str]()
    for id, view in snapshot.projects.items():
        for record in view.executions:
            manifest, node = record.result.manifest if record.result else None, record.claim.node
            if not manifest or (node in away and not workspaces.objects.has(manifest)):
                continue
            try:
                if workspaces.objects.has(manifest):
                    rows = workspaces.manifest(manifest).contents()
                else:
                    rows = parse(remote.content(snapshot, node, manifest)).contents()
                yield from ((id, record.execution, row.path) for row in rows if row.value == digest)
            except Away:
                away.add(node)
            except StoreError:
                continue


def _print(value: dict[str, Any]) -> None:
    from runner.logs.log_file import clean

    word = "" if value["as"] == "named" else f", {value['as']}"
    print(clean(f"{value['project']}/{value['execution']}{word}"))
    for depth, step in enumerate(value["chain"]):
        above = "is" if not depth else "built on"
        head = f"{above} {step['project']}/{step['execution']} {step['stage']}: {step['state']} on {step['node']}"
        print("  " * depth + clean(head))
        for fact in _lines(step):
            first, *more = fact.splitlines() or [""]
            print("  " * depth + "    " + clean(first))
            for line in more:  # a command or a value of several lines stays below its own
                print("  " * depth + "      | " + clean(line))
    for other in value["also"]:
        print(clean(f"the same content: {other}"))


def _lines(step: dict[str, Any]) -> Iterator[str]:
    if step["cached"]:
        yield f"did not run: the result is execution {step['cached']['execution']}'s"
    image = step["image"] or {}
    yield f"image {image.get('ref')} {image.get('digest') or image.get('id') or ''}"
    yield f"command {' '.join(step['command'])}"
    for each in step["inputs"]:
        value = each["value"]
        shown = f"{value.get('path')} {value.get('digest')}" if isinstance(value, dict) else value
        yield f"input {each['name']} = {shown}   ({each['by']}{', ' + each['request'] if each['request'] else ''})"
    for layer, values in step["env"].items():
        yield from (f"env {name}={value}   ({layer})" for name, value in values.items())
    if step["gpus"]:
        yield f"GPUs {', '.join(step['gpus'])}"
    for path, digest in step["workspace"]["add"].items():
        yield f"put before it began: {path} {digest}"
    for each in step["requests"]:
        comment = f": {each['comment']}" if each["comment"] else ""
        yield f"asked: {each['kind']} {each['request']} by {each['by']} in {each['commit'][:12]}{comment}"
    yield f"definition of {step['definition'][:12]}"
    yield "reported in " + ", ".join(f"{commit[:12]} ({event})" for event, commit in step["commits"].items())
