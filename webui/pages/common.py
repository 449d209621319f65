"""What every page uses."""

from typing import TYPE_CHECKING, Any, cast

from flask import abort, current_app, g, request

from flow.model.snapshot import ProjectView
from schema.suggest import did_you_mean
from webui.access import person as who
from webui.access.person import Person, Role
from webui.source.view_source import Look

if TYPE_CHECKING:
    from webui.site import Page


def page() -> "Page":
    return cast(Any, current_app.extensions["winslow"])  # type: ignore[no-any-return]


def person() -> Person:
    """Who asks."""
    return who.person_in(request.environ["asgi.scope"])


def need(role: Role, what: str) -> Person:
    """The person who asks. NotAllowed."""
    return who.need(request.environ["asgi.scope"], role, what)


def look() -> Look:
    return g.look  # type: ignore[no-any-return]


def project(id: str) -> ProjectView:
    """404 names the nearest one."""
    view = look().snapshot.projects.get(id)
    if view is None:
        hint = did_you_mean(id, list(look().snapshot.projects)) or ""
        abort(404, f"There is no project {id[:80]!r}{hint}")
    if view.purged and view.deletion:
        who = view.deletion.by.partition(" <")[0]
        abort(
            404, f"Project {id!r} was deleted by {who}, and all of it is gone. What happened to it is among the events"
        )
    return view
