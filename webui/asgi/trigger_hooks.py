"""`/hooks/triggers/NAME`: a program starts what a trigger says, with a token of that trigger alone.

A call that comes twice under one `Idempotency-Key` (or as GitHub and GitLab number what they deliver) starts once.
"""

import hmac
import json
import secrets
from pathlib import Path

from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from flow.model.snapshot import Snapshot
from flow.triggers.firings import Firing, done, of_call, path_of
from schema.errors import SchemaError
from schema.trigger import Trigger
from state.contract.errors import StateError
from state.edits.triggered import NothingLeft, trigger_edit
from webui.access import hook_secret
from webui.asgi.only_route import OnlyRoute
from webui.source.outbox import CommitYourself, Outbox, Overtaken
from webui.source.view_source import ViewSource

LARGEST = 64 * 1024
"""Bytes of a body."""
LONGEST = 4000
"""Characters of one of its values."""
DELIVERIES = ("idempotency-key", "x-github-delivery", "x-gitlab-event-uuid", "x-gitlab-webhook-uuid")


class CallRefused(Exception):
    """Why a call starts nothing, and as which status that is told."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class TriggerHooks:
    def __init__(self, data: Path, source: ViewSource, outbox: Outbox) -> None:
        self.secret, self.source, self.outbox = hook_secret.make(data), source, outbox

    def route(self) -> OnlyRoute:
        return OnlyRoute(f"{hook_secret.TRIGGERS}/{{name}}", self.answer, methods=["POST"])

    async def answer(self, request: Request) -> Response:
        name = request.path_params["name"]
        try:
            self._known(request, name)
            body = await _body(request)
            found = await run_sync(self._fire, name, _delivery(request), body)
        except CallRefused as refused:
            return JSONResponse({"error": str(refused)}, refused.status)
        return JSONResponse(found, 202)

    def _known(self, request: Request, name: str) -> None:
        """Before anything is told of triggers that there are."""
        secret = hook_secret.read(self.secret)
        kind, _, bearer = request.headers.get("authorization", "").partition(" ")
        given = bearer.strip() if kind.lower() == "bearer" else request.headers.get("x-gitlab-token", "")
        wanted = hook_secret.token_of(secret, name)
        if not secret or not hmac.compare_digest(given.encode("latin-1"), wanted.encode()):
            raise CallRefused(401, f"this needs the token of the trigger: `winslowctl triggers hook {name[:60]}`")

    def _fire(self, name: str, id: str, body: dict[str, str]) -> dict[str, str]:
        try:
            snapshot = self.source.look().snapshot
        except StateError as error:
            raise CallRefused(503, str(error)) from None
        trigger = snapshot.triggers.get(name)
        if trigger is None or trigger.hook is None or not trigger.enabled:
            raise CallRefused(404, f"there is no trigger {name[:60]!r} that a call starts")
        values = {key: body.get(key, "") for key in trigger.hook.inputs}
        firing = of_call(name, id, values)
        path = path_of(firing, trigger)
        if done(snapshot, trigger, firing):
            return {"made": path, "state": "made before"}
        return {"made": path, "state": self._made(snapshot, trigger, firing, path)}

    def _made(self, snapshot: Snapshot, trigger: Trigger, firing: Firing, path: str) -> str:
        try:
            edit, _ = trigger_edit(snapshot, [firing])
            files = dict(edit.files)
            commit = self.outbox.edit(files, edit.message.strip(), edit.author, expected={path: ""})
        except (NothingLeft, SchemaError) as error:
            raise CallRefused(422, str(error)) from None
        except Overtaken:
            return "made before"
        except CommitYourself as error:
            raise CallRefused(403, str(error).splitlines()[0]) from None
        except StateError as error:
            raise CallRefused(409, str(error)) from None
        return f"committed {commit}" if commit else "waits until the server answers"


def _delivery(request: Request) -> str:
    given = next((request.headers[name] for name in DELIVERIES if request.headers.get(name)), "")
    return given[:200] or secrets.token_hex(8)


async def _body(request: Request) -> dict[str, str]:
    """A JSON object's texts, numbers and truth values; nothing where there is no body."""
    raw = b""
    try:
        async for piece in request.stream():
            raw += piece
            if len(raw) > LARGEST:
                raise CallRefused(413, f"at most {LARGEST} bytes are read")
    except ClientDisconnect:
        raise CallRefused(400, "the call broke off") from None
    if not raw.strip():
        return {}
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise CallRefused(400, "the body is no JSON") from None
    if not isinstance(found, dict):
        raise CallRefused(400, "a JSON object is wanted")
    plain = {key: value for key, value in found.items() if isinstance(value, str | int | float)}
    return {key: json.dumps(value) if not isinstance(value, str) else value[:LONGEST] for key, value in plain.items()}
