"""The API, put together when somebody first asks it: some 20 MB that a page which no program uses does without."""

import threading
from typing import cast

from starlette.concurrency import run_in_threadpool

from webui.asgi.headers import App, Receive, Scope, Send
from webui.site import Page

PATH = "/api/v1"


class LateApi:
    """ASGI, to be mounted at `PATH`. The first question waits a second or two for it, and nobody else does."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._lock = threading.Lock()
        self._api: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._api is None:
            await run_in_threadpool(self._make)
        await cast(App, self._api)(scope, receive, send)

    def _make(self) -> None:
        with self._lock:
            if self._api is None:
                from webui.api.service import create_api

                self._api = create_api(self.page)
