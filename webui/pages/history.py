"""What happened: the commits of `winslow/state`, filtered, each a door to the page as it was then."""

import re

from flask import Blueprint, Response, abort, redirect, render_template, request

from webui.pages.common import look, page
from webui.views.events import FILTERS, NoEvent, search

pages = Blueprint("history", __name__)


@pages.get("/history")
def index() -> str | tuple[str, int]:
    before = request.args.get("before", "")
    if before and request.headers.get("HX-Trigger") == "history":
        return "", 204  # nothing that happens now changes what came before
    wanted = {name: request.args.get(name, "").strip()[:200] for name in FILTERS}
    try:
        found, further = search(page().source.clone, look().snapshot.state, wanted, before)
    except NoEvent as error:
        abort(404, str(error))
    template = "_history.html" if request.headers.get("HX-Request") else "history.html"
    return render_template(template, events=found, further=further, wanted=wanted, before=before)


@pages.get("/history/then")
def then() -> Response:
    """The form that takes a moment leads to the first page of then."""
    when = request.args.get("when", "").strip()[:64]
    if not re.fullmatch(r"[A-Za-z0-9.:+~ -]{1,64}", when):
        abort(404, "Name a time like 2026-03-01T09:30 (UTC), an age like 2h, or a commit")
    return redirect(f"/at/{when}/", code=303)  # type: ignore[return-value]
