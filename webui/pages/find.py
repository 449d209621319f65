"""Finding anything by a few letters: projects, runs, files, pipelines, nodes, pages, and what can be done with them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote

from flask import Blueprint, render_template, request

from webui.access.person import Role
from webui.pages.common import look, person
from webui.pages.wizard import films_with
from webui.views.filters import word
from webui.views.project_rows import ProjectRow, rows

pages = Blueprint("find", __name__)
MOST, LONGEST = 8, 200
"""Of each kind so many are shown; so many characters of what was typed are looked at."""
PLACES = (
    ("Projects", "/"), ("Files of the pool", "/files"), ("Nodes", "/nodes"), ("Pipelines", "/pipelines"),
    ("Events", "/history"), ("Wall for a screen", "/wall"), ("New project", "/new"), ("New pipeline", "/new-pipeline"),
)  # fmt: skip
_RUN = re.compile(r"\s*([a-z0-9][a-z0-9._-]*)\s*/\s*([0-9]{1,9})\s*")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found: where it is, what it is called, and a few words beside that."""

    address: str
    title: str
    text: str = ""


@pages.get("/find")
def find() -> str:
    """As a page without a script, as a list inside the dialog with one."""
    text = request.args.get("q", "")[:LONGEST].strip()
    template = "_findings.html" if request.headers.get("HX-Request") else "find.html"
    return render_template(template, groups=list(_groups(text)), text=text)


def _groups(text: str) -> Iterator[tuple[str, list[Finding]]]:
    """Kinds with something in them. Whatever begins with the text comes first."""
    snapshot, wanted = look().snapshot, text.lower()
    known = rows(snapshot)
    if (match := _RUN.fullmatch(wanted)) and match[1] in known:
        yield from _filled("Runs", _runs(known[match[1]], int(match[2])))
    fit = [each for each in known.values() if wanted in each.view.id.lower() or wanted in each.title.lower()]
    fit.sort(key=lambda each: not (each.view.id.startswith(wanted) or each.title.lower().startswith(wanted)))
    yield from _filled("Projects", (Finding(f"/projects/{each.view.id}", each.title, _says(each)) for each in fit))
    if wanted and person().may(Role.OPERATOR):
        yield from _filled("Actions", (action for each in fit[:MOST] for action in _actions(each)))
    yield from _filled("Go to", (Finding(path, name) for name, path in PLACES if wanted in name.lower()))
    if not wanted:
        return
    pipelines = (name for name in sorted(snapshot.pipelines) if wanted in name.lower())
    yield from _filled("Pipelines", (Finding(f"/pipelines/{name}", name) for name in pipelines))
    nodes = (name for name in sorted({*snapshot.inventories, *snapshot.nodes}) if wanted in name.lower())
    yield from _filled("Nodes", (Finding(f"/nodes/{name}", name) for name in nodes))
    yield from _filled("Files", (Finding(f"/files/{quote(item.path)}", item.path) for item in films_with(text)))


def _filled(kind: str, found: Iterable[Finding]) -> Iterator[tuple[str, list[Finding]]]:
    if some := list(islice(found, MOST)):
        yield kind, some


def _says(each: ProjectRow) -> str:
    state = "deleted" if each.view.deletion else word(each.now.state)
    return f"{state}{f' · {each.now.stage}' if each.now.stage and each.now.state != 'succeeded' else ''}"


def _runs(each: ProjectRow, number: int) -> Iterator[Finding]:
    if record := each.view.execution(number):
        yield Finding(
            f"/projects/{each.view.id}/{number}", f"{each.view.id}/{number} {record.slot}", word(record.state)
        )


def _actions(each: ProjectRow) -> Iterator[Finding]:
    """Each leads to the form that says what will happen, and asks."""
    page, state = f"/projects/{each.view.id}", each.now.state
    if each.view.deletion:
        return
    if state == "needs_input":
        yield Finding(f"{page}#ask", f"Answer {each.title}")
    if state == "running" and each.record:
        yield Finding(f"{page}#abort-{each.record.execution}", f"Abort {each.title}…")
    if state == "failed" and each.record:
        yield Finding(f"{page}/redo/{each.record.execution}", f"Redo {each.record.stage} of {each.title}…")
    if state == "new":
        yield Finding(f"{page}#head", f"Start {each.title}…")
