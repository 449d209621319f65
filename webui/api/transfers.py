"""Contents up and down, as the document of the API tells of them: they are streams, and no operations of FastAPI."""

from typing import Any

TUS = {"name": "Tus-Resumable", "in": "header", "required": True, "schema": {"type": "string", "default": "1.0.0"},
       "description": "the version of tus"}  # fmt: skip
BINARY = {"type": "string", "format": "binary"}
REFUSED = {
    "description": "Refused; the text says why.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}
SAID = {
    "begin_upload": "As tus 1.0 has it. The answer's `Location` is where pieces go. Needs the role operator.",
    "show_upload": "From here it goes on after an interruption.",
    "send_piece": "In order. The answer to the last one has the digest of all of it. Needs the role operator.",
    "remove_upload": "What came of it is forgotten. Needs the role operator.",
    "get_pool_file": "Whole, or a range of it.",
    "get_project_file": "Whole, or a range of it.",
    "get_execution_file": "Whole, or a range of it; its `ETag` is its digest.",
}
WORDS = {"id": "the project's id", "number": "the execution's number", "path": "of the file"}


def described(document: dict[str, Any]) -> dict[str, Any]:
    """The document with uploads and contents."""
    document["paths"] |= {
        "/uploads": {"post": _begin()},
        "/uploads/{id}": {"head": _where(), "patch": _piece(), "delete": _give_up()},
        "/raw/pool/{path}": {"get": _contents("get_pool_file", "of the pool", [])},
        "/raw/projects/{id}/{path}": {"get": _contents("get_project_file", "of a project's own", [_path("id")])},
        "/raw/executions/{id}/{number}/{path}": {
            "get": _contents("get_execution_file", "of an execution", [_path("id"), _path("number", "integer")])
        },
    }
    return document


def _header(name: str, kind: str, text: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": True, "schema": {"type": kind}, "description": text}


def _path(name: str, kind: str = "string", text: str = "") -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": kind}, "description": text or WORDS[name]}


def _operation(id: str, summary: str, parameters: list[Any], answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "tags": ["contents"], "operationId": id, "summary": summary, "description": SAID[id],
        "parameters": parameters, "responses": {**answers, "4XX": REFUSED}, **more,
    }  # fmt: skip


def _told(text: str, **headers: str) -> dict[str, Any]:
    said = {
        name.replace("_", "-"): {"schema": {"type": "string"}, "description": what} for name, what in headers.items()
    }
    return {"description": text, "headers": said}


def _begin() -> dict[str, Any]:
    where = "`where BASE64`: `pool:PATH`, `PROJECT:PATH` or `PROJECT/N/PATH`; also `digest`, `replace`"
    said = [TUS, _header("Upload-Length", "integer", "bytes of the file"), _header("Upload-Metadata", "string", where)]
    answer = _told("It has begun.", Location="where pieces go", Upload_Offset="0")
    return _operation("begin_upload", "Begin an upload", said, {"201": answer})


def _where() -> dict[str, Any]:
    answer = _told("So far it is there.", Upload_Offset="bytes that are there", Upload_Length="bytes of all of it")
    return _operation("show_upload", "How far an upload is", [_upload(), TUS], {"200": answer})


def _piece() -> dict[str, Any]:
    there, whole = "bytes that are there", "of the whole, after the last piece"
    body = {"required": True, "content": {"application/octet-stream": {"schema": BINARY}}}
    said = [_upload(), TUS, _header("Upload-Offset", "integer", "bytes that are there already")]
    answer = _told("It is there.", Upload_Offset=there, Winslow_Digest=whole)
    return _operation("send_piece", "Send a piece of an upload", said, {"204": answer}, requestBody=body)


def _give_up() -> dict[str, Any]:
    return _operation("remove_upload", "Give up an upload", [_upload(), TUS], {"204": _told("It is gone.")})


def _upload() -> dict[str, Any]:
    return _path("id", text="the last part of its `Location`")


def _contents(id: str, of: str, before: list[Any]) -> dict[str, Any]:
    answer = {"description": "The contents.", "content": {"application/octet-stream": {"schema": BINARY}}}
    return _operation(id, f"Contents of a file {of}", [*before, _path("path")], {"200": answer})
