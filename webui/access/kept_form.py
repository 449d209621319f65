"""A form that was sent after the session had ended: what was typed comes back, to be sent again after logging in."""

import asyncio
from html import escape
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from webui.access.turned_away import looks, turned_away

LARGEST, PATIENCE = 256 * 1024, 10.0
"""Bytes of a form that are kept, and seconds in which they have to be there."""
TEXT = (
    "Your session has ended, so nothing was done. What you typed is kept on this page: log in in another tab, then "
    "send it again from here."
)
MORE = """
<p><a class="button" href="/login" target="_blank" rel="noopener">Log in in another tab</a></p>
<form method="post" action="{path}">{fields}<button>Send it again</button></form>
<table class="rows facts"><tbody>{rows}</tbody></table>
"""
HIDDEN = '<input type="hidden" name="{}" value="{}">'
ROW = '<tr><th scope="row">{}</th><td>{}</td></tr>'


def is_form(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return request.method == "POST" and kind == "application/x-www-form-urlencoded" and looks(request)


async def kept(request: Request, refused: Response) -> Response:
    """In place of `refused`, a page that holds what the form said; `refused` itself where the form is too large."""
    try:
        body = await asyncio.wait_for(_body(request), PATIENCE)
    except (TimeoutError, ClientDisconnect):
        return refused
    if body is None:
        return refused
    said = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    fields = "".join(HIDDEN.format(escape(name), escape(value)) for name, value in said)
    rows = "".join(ROW.format(escape(name), escape(value)) for name, value in said if value and name != "csrf_token")
    path = request.scope["path"]
    more = MORE.format(path=escape(path), fields=fields, rows=rows)
    return turned_away(request.scope, 401, "You have to log in again", TEXT, more=more)


async def _body(request: Request) -> bytes | None:
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > LARGEST:
            return None
    return bytes(found)
