"""Tags of files on `main`: whoever read one can change it on condition that nobody else did meanwhile."""

import re
from typing import Annotated, Any

from fastapi import Header, Response

from webui.api.dependencies import Given
from webui.api.errors import Refused
from webui.source.outbox import tag_of

TAG = r'(W/)?"[0-9a-f]{32}"'
IfMatch = Annotated[
    str | None,
    Header(
        pattern=rf"^(\*|{TAG}(, ?{TAG}){{0,9}})$",
        description="the `ETag` that a GET gave; refused with 412 where the file on `main` is another by then. "
        "A tag that a proxy weakened (`W/`) counts as well. Without it the last writer wins",
    ),
]
TAGGED: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": {"description": "the tag of the file on `main`", "schema": {"type": "string"}}}}
}


def tag(response: Response, text: str | None) -> None:
    if text is not None:
        response.headers["ETag"] = f'"{tag_of(text)}"'


def expected(given: Given, path: str, said: str | None) -> dict[str, str] | None:
    """What the commit is to be made on, where somebody said so. Refused where it is overtaken already."""
    if said is None:
        return None
    now = tag_of(given.page.source.clone.read_at(given.snapshot.main, path))
    if not now or (said != "*" and now not in re.findall(r"[0-9a-f]{32}", said)):
        raise Refused(412, f"{path} was {'changed' if now else 'removed'} since; look at it again, and ask anew")
    return {path: now}
