"""Answers of those parts that stand before the pages: a small page for whoever looks, a line for programs.

They hold nothing of the repository, and need nothing of it.
"""

from collections.abc import Mapping
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Winslow</title>
<link rel="stylesheet" href="/static/winslow.css"><link rel="icon" href="/static/icon.svg"></head>
<body><main id="main" class="login"><h1>{title}</h1><p>{text}</p>{more}</main></body></html>
"""


def turned_away(
    scope: Any, status: int, title: str, text: str, headers: Mapping[str, str] | None = None, more: str = ""
) -> Response:
    """`more` is markup that goes below the text on a page."""
    if looks(Request(scope)):
        page = PAGE.format(title=escape(title), text=escape(text), more=more)
        return HTMLResponse(page, status, headers)
    return PlainTextResponse(f"{title}. {text}\n" if text else f"{title}\n", status, headers)


def looks(request: Request) -> bool:
    """Whether a person looks at the answer in a browser, and no script in passing."""
    return "text/html" in request.headers.get("accept", "") and "hx-request" not in request.headers
