"""The API is not there before somebody asks it, and then once."""

import asyncio
import subprocess
import sys
from typing import Any, cast

import pytest

from webui.api import service
from webui.api.late import LateApi
from webui.asgi.headers import App
from webui.site import Page


def test_a_page_that_no_program_uses_does_without_it() -> None:
    look = "import sys, cli.node, webui.asgi.serve; sys.exit('fastapi' in sys.modules)"
    subprocess.run([sys.executable, "-c", look], check=True, timeout=60)


def test_those_who_ask_first_and_at_once_get_one_and_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    made, answered = list[Page](), list[str]()

    async def api(scope: Any, receive: Any, send: Any) -> None:
        answered.append(scope["path"])

    def create(page: Page) -> App:
        made.append(page)
        return cast(App, api)

    async def ask() -> None:
        await asyncio.gather(
            *(late({"type": "http", "path": str(n)}, cast(Any, None), cast(Any, None)) for n in range(8))
        )

    monkeypatch.setattr(service, "create_api", create)
    page = cast(Page, "the page")
    late = LateApi(page)
    asyncio.run(ask())
    asyncio.run(ask())
    assert made == [page]
    assert sorted(answered) == sorted(str(n) for n in (*range(8), *range(8)))
