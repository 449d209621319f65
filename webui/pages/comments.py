"""Saying something of a project or of one of its executions."""

from flask import Blueprint, Response, redirect, request, url_for

from schema.errors import DocumentError
from state.contract.errors import StateError
from state.edits.comments import CannotComment
from webui.pages.common import look, page, person, project
from webui.pages.projects import shown, told

pages = Blueprint("comments", __name__)


@pages.post("/projects/<id>/comments")
def say(id: str) -> Response | tuple[str, int]:
    """As a commit, from which nothing follows."""
    view = project(id)
    about = request.form.get("execution", type=int)
    fields = {"comment": request.form.get("comment", "").strip(), "execution": about}
    try:
        told("comment", page().outbox.comment(look().snapshot, view.id, fields, person().author))
    except (CannotComment, DocumentError, StateError) as error:
        return shown(view, refused=f"This cannot be said: {error}"), 422
    back = f"/projects/{view.id}/{about}" if about and request.form.get("back") else url_for("projects.show", id=id)
    return redirect(back, code=303)  # type: ignore[return-value]
