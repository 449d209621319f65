"""Pages and fragments. What is asked of the page is a form; without a script everything can still be read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, current_app, g, render_template, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from htmx_flask import Htmx
from werkzeug.exceptions import MethodNotAllowed

from flow.project.precheck import WouldBeRejected
from flow.status.compare import duration
from flow.status.states import STATES
from schema.errors import DocumentError
from state.contract.errors import StateError
from state.edits.comments import CannotComment
from state.edits.nodes import CannotDrain
from state.history.at_time import NoTime
from state.history.revisions import NoRevision
from webui.access.authenticator import Logins
from webui.access.config import PageConfig
from webui.access.oidc import provider
from webui.access.person import NotAllowed, Role, person_in
from webui.access.sessions import cookie
from webui.asgi.streams import mark_of, view_of
from webui.logs.log_pages import Numbers
from webui.pages import (
    bulk,
    comments,
    compared_runs,
    components,
    executions,
    files,
    find,
    history,
    login,
    logs,
    nodes,
    overview,
    pipelines,
    projects,
    provenance,
    wall,
    wizard,
)
from webui.sheets.sheet import Sheets
from webui.source import past
from webui.source.fleet import Fleet
from webui.source.load_histories import LoadHistories
from webui.source.outbox import CommitYourself, Outbox
from webui.source.past import OthersLook, Pasts
from webui.source.unsent import UnsentCommits
from webui.source.view_source import Look, NothingYet, ViewSource
from webui.views import filters
from webui.views.frame import frame_facts
from webui.views.progress import ProgressReader
from webui.views.progress_estimate import doing
from webui.views.project_rows import LastLines
from webui.views.regions import drawn_on
from webui.views.stage_graph import defined

NAVIGATION = (
    ("/", "Projects", "projects"),
    ("/files", "Files", "files"),
    ("/nodes", "Nodes", "nodes"),
    ("/pipelines", "Pipelines", "pipelines"),
    ("/history", "Events", "events"),
)
"""Address, name and icon."""


PAGES = (
    overview,
    find,
    projects,
    nodes,
    executions,
    compared_runs,
    provenance,
    files,
    pipelines,
    history,
    logs,
    wizard,
    bulk,
    comments,
    components,
    login,
    wall,
)
"""Modules with the routes of pages."""


@dataclass(frozen=True, slots=True)
class Page:
    """What pages are made of. `data` is the node's directory, where there is a node here; `repo` is only shown.

    Without `logins` nobody logs in; `address` is where the page listens.
    """

    source: ViewSource
    outbox: Outbox
    author: Callable[[], str]
    secret: bytes
    data: Path | None = None
    fleet: Fleet | None = None
    repo: str = ""
    logins: Logins | None = None
    config: PageConfig = field(default_factory=PageConfig)
    address: str = "http://127.0.0.1:8484"
    numbers: Numbers = field(default_factory=Numbers)
    sheets: Sheets = field(default_factory=Sheets)
    pasts: Pasts = field(init=False)
    progress: ProgressReader = field(init=False)
    histories: LoadHistories = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pasts", Pasts(self.source))
        object.__setattr__(self, "progress", ProgressReader(self.data))
        object.__setattr__(self, "histories", LoadHistories(self.data))
        self.outbox.landed = self.source.made
        self.source.show(UnsentCommits(self.outbox, self.outbox.folder / "ahead.git"))


def create_site(page: Page) -> Flask:
    site = Flask("webui", template_folder=str(Path(__file__).parent / "templates"), static_folder=None)
    site.config.update(
        SECRET_KEY=page.secret,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=page.config.secure,
        SESSION_COOKIE_NAME=cookie("winslow", page.secret, secure=page.config.secure),
        MAX_CONTENT_LENGTH=1024 * 1024,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,  # it would compare the referrer with Host; webui.access.gate knows the proxies
    )
    site.extensions["winslow"] = page
    site.extensions["winslow provider"] = provider(site, page.config, page.address)
    CSRFProtect(site)
    Htmx(site)
    filters.add_to(site)
    for module in PAGES:
        site.register_blueprint(module.pages)
    site.before_request(_look)
    site.after_request(_marked)
    past.add_to(site, page.pasts)
    site.context_processor(_always_shown)
    site.jinja_env.filters["view_of"] = view_of
    site.jinja_env.filters["mark_of"] = mark_of
    site.jinja_env.filters["commit_link"] = lambda category: commit_link(page.repo, category)
    site.jinja_env.globals.update(
        navigation=NAVIGATION,
        frame_facts=frame_facts,
        states=STATES,
        took=duration,
        doing=doing,
        drawn_on=drawn_on,
        defined=defined,
    )
    site.jinja_env.globals["last_line"] = LastLines(lambda path: page.source.clone.read_text(path))
    _answer_errors(site)
    return site


def _answer_errors(site: Flask) -> None:
    """Each kind of failure as a page with its status, a title and the reason."""
    site.register_error_handler(StateError, _away)
    site.register_error_handler(OthersLook, lambda error: _problem(503, "Not just now", str(error)))
    site.register_error_handler(CommitYourself, _by_hand)
    site.register_error_handler(
        CSRFError, lambda error: _problem(400, "This form is too old", "Load the page anew and try again.")
    )
    site.register_error_handler(NotAllowed, lambda error: _problem(403, "This is not for you", str(error)))
    for kind in (NoTime, NoRevision):
        site.register_error_handler(kind, lambda error: _problem(404, "There was no such moment", str(error)))
    site.register_error_handler(409, lambda error: _problem(409, "This cannot be done now", str(error.description)))
    site.register_error_handler(405, _wrong_method)
    site.register_error_handler(404, lambda error: _problem(404, "There is nothing here", str(error.description)))
    for wrong in (WouldBeRejected, DocumentError, CannotDrain, CannotComment):
        site.register_error_handler(wrong, lambda error: _problem(422, "This cannot be asked", str(error)))


def commit_link(repo: str, category: str) -> str:
    """Where GitLab shows the commit or merge request that a message is about, or has the form for one of a branch.

    Nothing for repositories that no browser can look at.
    """
    kind, _, what = category.partition(":")
    if kind == "merge":
        return what
    if kind not in ("commit", "branch") or not repo.startswith(("https://", "http://")) or "@" in repo:
        return ""
    home = repo.removesuffix("/").removesuffix(".git")
    if kind == "commit":
        return f"{home}/-/commit/{what}"
    return f"{home}/-/merge_requests/new?merge_request%5Bsource_branch%5D={quote(what, safe='')}"


def _marked(answer: Response) -> Response:
    """So that the page's script tells its own answers from those of whatever stands before it. The login is no part."""
    if request.blueprint != "login":
        answer.headers["Winslow-Page"] = "1"
    return answer


def _always_shown() -> dict[str, Any]:
    """What the frame of every page needs."""
    page: Page = current_app.extensions["winslow"]
    person = person_in(request.environ["asgi.scope"])
    unsent = page.outbox.waiting() if person.may(Role.READER) else []
    may = {role.word: person.may(role) for role in Role}
    return {"look": g.get("look"), "unsent": unsent, "person": person, "may": may}


def _look() -> None:
    """One look for the whole answer, so that it is of one piece."""
    person = person_in(request.environ["asgi.scope"])
    if request.blueprint == "login" or not (person.may(Role.READER) or person.wall):
        return
    found: Look = current_app.extensions["winslow"].source.look()
    g.look = found


def _wrong_method(error: MethodNotAllowed) -> tuple[str, int, dict[str, str]]:
    page, code = _problem(405, "This cannot be done here", str(error.description))
    return page, code, {"Allow": ", ".join(sorted(error.valid_methods or ()))}


def _away(error: StateError) -> tuple[str, int]:
    title = "Waiting for the repository" if isinstance(error, NothingYet) else "The repository could not be read"
    return _problem(503, title, str(error))


def _by_hand(error: CommitYourself) -> tuple[str, int]:
    """What was asked for, as the commit that a person can make."""
    return render_template("by_hand.html", edit=error.edit), 403


def _problem(code: int, title: str, text: str) -> tuple[str, int]:
    """As a page, or as a message beside what was asked for."""
    template = "_message.html" if request.headers.get("HX-Request") else "problem.html"
    return render_template(template, title=title, text=text), code


__all__ = ["Page", "Response", "create_site"]
