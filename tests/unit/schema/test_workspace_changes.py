"""What a start may change of the workspace it builds on."""

import pytest

from schema.documents import parse
from schema.errors import DocumentError
from schema.request import Request

DIGEST = "blake3:" + "0" * 64
HEAD = "request: start\nworkspace: {from: 3, "


def test_files_by_digest_and_paths_to_take_out() -> None:
    request = parse("request", HEAD + f"add: {{tracks/a.csv: '{DIGEST}'}}, remove: [old]}}\n", "r.yaml")
    assert isinstance(request, Request)
    assert request.workspace is not None
    assert (request.workspace.source, request.workspace.add, request.workspace.remove) == (
        3,
        {"tracks/a.csv": DIGEST},
        ("old",),
    )


@pytest.mark.parametrize(
    "changes",
    [
        f"add: {{../x: '{DIGEST}'}}",
        f"add: {{/etc/x: '{DIGEST}'}}",
        "add: {x: 'sha256:00'}",
        f"add: {{x: '{DIGEST}0'}}",
        "remove: [../x]",
        "remove: ['']",
        "remove: [" + ", ".join(f"f{n}" for n in range(201)) + "]",
        "replace: [x]",
    ],
)
def test_what_leads_out_or_is_no_digest_is_refused(changes: str) -> None:
    with pytest.raises(DocumentError):
        parse("request", HEAD + changes + "}\n", "r.yaml")
