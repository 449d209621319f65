"""The API put together, and its description of itself."""

import json
from html import escape
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.responses import HTMLResponse

from schema import meaning
from webui.api import (
    comments,
    errors,
    events,
    executions,
    files,
    nodes,
    pipelines,
    projects,
    requests,
    service_state,
    transfers,
)
from webui.api.late import PATH
from webui.site import Page

MOST_BYTES = 1 << 20
"""Of a body. Files come by `/uploads`."""
ABOUT = """What the page shows and asks, for programs. Every change is a commit that a person could have made.

**Who asks**: `Authorization: Bearer TOKEN`; `winslowctl web tokens add NAME` prints one. A page on which nobody logs
in wants none. Roles: a *reader* looks, an *operator* also asks, an *admin* also changes pipelines and deletes.

**Changes** are answered with the commit. While the Git server is away they wait in the outbox: status 202,
`sent: false`. Nodes reply to requests: `GET /projects/{id}/requests` says what became of each.

**Two at a time**: the last writer wins. With the `ETag` of what you read in `If-Match`, a change of a project or a
pipeline is refused with 412 if the file on `main` is another by then.

**Refusals** have one shape, `{error, text, problems}`.

**The past**: `?at=` shows projects, executions and pipelines as they were at a commit, a time or so long ago.

**Contents of files**, with ranges and tags: the address in `contents` of each listing, below `/raw/`.

**Uploads** go on after an interruption: tus 1.0 at `/uploads`. `POST /uploads` with `Tus-Resumable: 1.0.0`,
`Upload-Length` in bytes and `Upload-Metadata: where BASE64` gives a `Location`; `PATCH` it with `Upload-Offset` and
pieces of `application/offset+octet-stream`; `HEAD` says where to go on. `where` is `pool:PATH`, `PROJECT:PATH` or
`PROJECT/N/PATH`. Further metadata: `digest`, refused if other content came; `replace`, `true` to put it in the place of
another. The answer to the last piece has `Winslow-Digest`. What is put to `PROJECT/N/PATH` changes nothing of execution
N: name it in a `start` or `resume` with `workspace: {from: N, add: {PATH: DIGEST}}`.
"""
BEARER = {"type": "http", "scheme": "bearer", "description": "A token that `winslowctl web tokens add NAME` printed."}


def create_api(page: Page) -> FastAPI:
    api = FastAPI(
        title="Winslow",
        version="1",
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        servers=[{"url": PATH}],
        root_path_in_servers=False,
        separate_input_output_schemas=False,
        max_body_size=MOST_BYTES,
        generate_unique_id_function=lambda route: route.name,
    )
    api.state.page = page
    errors.add_to(api)
    for part in (projects, requests, comments, executions, files, pipelines, nodes, events, service_state):
        api.include_router(part.routes)
    api.openapi = lambda: _described(api)  # type: ignore[method-assign]
    api.state.queries = _queries(api.openapi())
    api.openapi_schema = None  # some MB that few ever ask for
    api.add_api_route("/", _contents, include_in_schema=False)
    return api


def _queries(described: dict[str, Any]) -> dict[tuple[str, str], frozenset[str]]:
    """What each operation takes behind the `?`, by method and path."""
    return {
        (method.upper(), path): frozenset(
            each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"
        )
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
    }


def _contents(request: Request) -> HTMLResponse:
    """The operations, for whoever looks with a browser."""
    described = request.app.openapi()
    rows = "".join(
        f"<tr><td><code>{method.upper()}</code></td><td><code>{PATH}{escape(path)}</code></td>"
        f"<td>{escape(operation['summary'])}</td></tr>"
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
    )
    return HTMLResponse(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Winslow API</title><h1>Winslow API</h1>'
        f'<p>In full: <a href="{PATH}/openapi.json">openapi.json</a>.</p><table>{rows}</table></html>'
    )


def _described(api: FastAPI) -> dict[str, Any]:
    """Made once. Fields of documents are told in the words of the reference."""
    if api.openapi_schema is None:
        made = get_openapi(
            title=api.title, version=api.version, description=api.description, routes=api.routes, servers=api.servers,
            separate_input_output_schemas=False,
        )  # fmt: skip
        made["components"]["securitySchemes"] = {"bearer": BEARER}
        made["security"] = [{"bearer": []}, {}]
        for model in meaning.MODELS.values():
            _tell(made["components"]["schemas"], model)
        api.openapi_schema = transfers.described(_named(made))
    return api.openapi_schema


def _named(described: dict[str, Any]) -> dict[str, Any]:
    """Two models of one name are told apart by the module of each, in words that clients can be generated of."""
    schemas = described["components"]["schemas"]
    longs = {name: _short(name) for name in schemas if "__" in name}
    text = json.dumps(described)
    for name, short in longs.items():
        text = text.replace(f'"#/components/schemas/{name}"', f'"#/components/schemas/{short}"')
    found: dict[str, Any] = json.loads(text)
    for schema in found["components"]["schemas"].values():
        for field in schema.get("properties", {}).values():
            if field.get("default") == []:  # what is not said is answered as an empty list
                field.pop("minItems", None)
    named = {longs.get(name, name): schema for name, schema in found["components"]["schemas"].items()}
    found["components"]["schemas"] = {name: {**schema, "title": name} for name, schema in sorted(named.items())}
    return found


def _short(name: str) -> str:
    """`schema__node__Gpu` is NodeGpu."""
    *_, module, model = name.split("__")
    return f"{module.title().replace('_', '')}{model}"


def _tell(components: dict[str, Any], model: type[BaseModel]) -> None:
    long = f"{model.__module__}.{model.__qualname__}".replace(".", "__")
    found = components.get(long) or components.get(model.__name__, {})
    words = meaning.of(model)
    if found.get("properties", {}).keys() == words.keys():
        for field, described in found["properties"].items():
            described.setdefault("description", words[field])
