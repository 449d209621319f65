"""Where a result comes from: each execution of its chain, with what it was given, by whom, on which commit."""

from collections.abc import Sequence
from itertools import islice

from flask import Blueprint, render_template, request

from flow.model.snapshot import ProjectView
from flow.status.provenance import ProvenanceStep, steps
from runner.store.errors import StoreError
from state.history.events import newest, reporting
from webui.files.places import FileRoot, tree
from webui.pages.common import look, page, project
from webui.pages.logs import execution

pages = Blueprint("provenance", __name__)
LOOKED_AT = 50_000
"""Commits that are looked through for those that report an execution."""
LONGEST = 100
"""Executions of a chain that are shown."""


@pages.get("/projects/<id>/<int:number>/provenance")
def show(id: str, number: int) -> str:
    """`file`: a path of its workspace; then also which execution left it as it is."""
    view = project(id)
    record = execution(view, number)
    chain = steps(view, number)
    wanted = {(step.project, step.record.execution) for step in chain[:LONGEST]}
    events = islice(newest(page().source.clone, look().snapshot.state), LOOKED_AT)
    file = request.args.get("file", "").strip("/")[:1024]
    return render_template(
        "provenance.html", view=view, e=record, chain=chain[:LONGEST], more=max(0, len(chain) - LONGEST), file=file,
        commits={number: said for (_, number), said in reporting(events, wanted).items()},
        made=made(view, chain, file) if file else None,
    )  # fmt: skip


def made(view: ProjectView, chain: Sequence[ProvenanceStep], file: str) -> tuple[int, str] | None:
    """The oldest execution from which on the file stayed the same, and its digest; None: nobody here knows."""
    found: tuple[int, str] | None = None
    for step in chain[:LONGEST]:
        digest = _digest(FileRoot(view.id, step.record.execution), file)
        if digest is None or (found and digest != found[1]):
            break
        found = step.record.execution, digest
    return found


def _digest(place: FileRoot, file: str) -> str | None:
    data = page().data
    if data is None:
        return None
    try:
        row = tree(data, look(), place).row(file)
    except (StoreError, OSError):
        return None
    return row.value if row and row.kind.content else None
