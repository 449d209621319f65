"""The page as one ASGI application: Flask for pages, FastAPI for programs, Starlette around both for what streams."""

from a2wsgi import WSGIMiddleware
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from state.contract.errors import StateError
from webui.access.config import LOCAL
from webui.access.gate import AccessGate, Anyone, Doorman
from webui.access.person import Role, person_in
from webui.api.late import PATH, LateApi
from webui.api.shape import Shape
from webui.asgi.body_limit import Whole
from webui.asgi.compression import packed, static
from webui.asgi.headers import App, Guard
from webui.asgi.hooks import Hook
from webui.asgi.metrics import Metrics
from webui.asgi.only_route import OnlyRoute
from webui.asgi.streams import EventStream
from webui.asgi.trigger_hooks import TriggerHooks
from webui.files.downloads import Downloads
from webui.files.uploads import Uploads, by_people
from webui.logs.log_stream import LogStream
from webui.site import Page, create_site
from webui.source.view_source import Watch


def _hooks(page: Page) -> list[Route]:
    """Where the page has a directory for the secret."""
    if page.data is None:
        return []
    return [TriggerHooks(page.data, page.source, page.outbox).route(), Hook(page.data, page.source.hurry).route()]


def _files(page: Page) -> list[Route]:
    """Contents up and down, where there is a node's directory."""
    if page.data is None:
        return []
    give, uploads = Downloads(page.data, page.source).give, Uploads(page.data, guard=by_people(page.source))
    return [
        route
        for below in ("", PATH)  # of the API too, so that its clients need one address
        for route in (
            OnlyRoute(f"{below}/raw/pool/{{path:path}}", give),
            OnlyRoute(f"{below}/raw/projects/{{id}}/{{path:path}}", give),
            OnlyRoute(f"{below}/raw/executions/{{id}}/{{number:int}}/{{path:path}}", give),
            OnlyRoute(f"{below}/uploads", uploads.collection, methods=["POST", "OPTIONS"]),
            OnlyRoute(f"{below}/uploads/{{id}}", uploads.one, methods=["HEAD", "PATCH", "DELETE"]),
        )
    ]


def create_app(page: Page, hosts: frozenset[str] = LOCAL, doorman: Doorman | None = None) -> App:
    """`hosts` are the names under which the page may be asked for; `doorman` takes the place of the page's own."""
    watch = Watch(page.source)

    def ready(request: Request) -> Response:
        """Whoever may read is told more."""
        reads = person_in(request.scope).may(Role.READER)
        try:
            look = page.source.look()
        except StateError as error:
            return JSONResponse({"ready": False} | ({"why": str(error)} if reads else {}), 503)
        more = {"state": look.snapshot.state, "age": round(look.age, 1)} if reads else {}
        return JSONResponse({"ready": True, **more})

    log = LogStream(page)
    routes = [
        OnlyRoute("/healthz", lambda request: JSONResponse({"ok": True})),
        OnlyRoute("/readyz", ready),
        OnlyRoute("/metrics", Metrics(page).answer),
        OnlyRoute("/events", EventStream(watch, page.outbox.waiting).answer),
        OnlyRoute("/projects/{id}/executions/{number:int}/log", log.follow),
        OnlyRoute("/projects/{id}/executions/{number:int}/log/raw", log.download),
        *_hooks(page),
        *_files(page),
        Mount(PATH, LateApi(page)),
        Mount("/static", static()),
        Mount("/", packed(Whole(WSGIMiddleware(create_site(page), workers=10)))),  # type: ignore[arg-type]
    ]
    gate = AccessGate(Starlette(routes=routes), doorman or page.logins or Anyone(page.author), page.config.origins)
    return Guard(Shape(gate, PATH), hosts)
