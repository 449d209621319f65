"""One wish for many projects in one commit: those that are ticked, or, once confirmed, all that a filter finds."""

from collections.abc import Mapping, Sequence

from flask import Blueprint, Response, abort, flash, redirect, render_template, request

from webui.pages.common import look, page, person
from webui.source.outbox import ask_many, judge_many
from webui.views.project_rows import WANTED, fits, rows

pages = Blueprint("bulk", __name__)
KINDS = ("start", "resume", "pause", "abort")
MOST = 1000
"""Projects of one commit. Whoever means more narrows the filter."""
TOLD = 10
"""Refusals that are told one by one."""


@pages.post("/bulk")
def bulk() -> Response | str:
    """Each project is judged by itself."""
    kind = request.form.get("request", "")
    if kind not in KINDS:
        abort(404, f"{kind[:20]!r} cannot be asked of many")
    if request.form.get("all"):
        wanted = {name: request.form.get(name, "").strip() for name in WANTED}
        return _confirm(kind, [id for id, each in rows(look().snapshot).items() if fits(each, wanted)], wanted)
    ids = list(dict.fromkeys([*request.form.getlist("project"), *request.form.get("projects", "").split()]))
    if len(ids) > MOST:
        flash(_too_many(len(ids)), "bad")
        return _back()
    if kind == "abort" and ids and "projects" not in request.form:
        return _confirm(kind, ids, {})
    told = ask_many(page().outbox, look().snapshot, ids, {"request": kind}, person().author)
    refused = {id: why for id, _, why in told if why}
    commit = next((commit for _, commit, _ in told if commit), None)
    done = f"{kind}: {len(told) - len(refused)} of {len(ids)} projects" if ids else "Tick some projects first"
    flash(f"{done}, committed as {commit[:12]}" if commit else done, f"commit:{commit}" if commit else "message")
    for id, why in list(refused.items())[:TOLD]:
        flash(f"{id}: {why}", "bad")
    return _back()


def _confirm(kind: str, ids: Sequence[str], wanted: Mapping[str, str]) -> Response | str:
    """All that are meant, by name: what is confirmed is these, whatever a filter finds by then."""
    found = {id: each for id, each in rows(look().snapshot).items() if id in set(ids)}
    if len(found) > MOST:
        flash(_too_many(len(found)), "bad")
        return _back()
    fit, refused = judge_many(look().snapshot, found, {"request": kind})
    return render_template(
        "bulk.html", kind=kind, fit=[found[id] for id in fit], refused=refused, wanted=wanted, back=_address()
    )


def _too_many(count: int) -> str:
    return f"{count} projects are more than the {MOST} that one commit asks something of: narrow the filter"


def _address() -> str:
    back = request.form.get("back", "")
    return back if back.startswith("/?") else "/"


def _back() -> Response:
    return redirect(_address(), code=303)  # type: ignore[return-value]
