"""Nothing that is sent to the API makes it fail, and every answer is what its description promises.

The repository is a throw-away one in which a project has run, so what changes things is sent as well.
"""

import re
from typing import cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from schema.names import NAME
from state.git.git_repository import GitRepository
from tests.integration.node.lab import Lab, stage
from webui.api.service import create_api
from webui.asgi.app import LOCAL, create_app
from webui.site import Page
from webui.source.fleet import Fleet
from webui.source.outbox import Outbox
from webui.source.view_source import OwnSource

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
PROGRAM = "open('m.json', 'w').write('{\\\\\"cars\\\\\": 3}'); os.mkdir('d'); open('d/a', 'w').write('x'); print('hi')"
GATE = "  - {name: review, when: manual, inputs: {keep: {type: boolean, default: true}}}\n"
EXAMPLES = 10


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> schemathesis.BaseSchema:
    here = Lab(tmp_path_factory.mktemp("fuzz") / "lab", stage("one", PROGRAM, artifacts="{paths: [m.json]}") + GATE)
    try:
        here.node()
        here.edit({"projects/gone/project.yaml": "pipeline: p\n"})
        here.ask("request: start")
        here.until_reason("ManualApproval")
    finally:
        here.close()
    url, folder = str(here.remote), here.folder
    source = OwnSource(GitRepository(url, folder / "page-view.git"), poll=0.5)
    outbox = Outbox(folder / "outbox", lambda: GitRepository(url, folder / "page.git"))
    source.refresh()
    page = Page(source, outbox, lambda: "Ada <a@b>", b"secret", folder / "n1", Fleet(source.use))
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", create_app(page, LOCAL | {"testserver"}))


def operations() -> list[tuple[str, str]]:
    """But for uploads, whose answers to what is wrong are those of tus."""
    paths = create_api(cast(Page, None)).openapi()["paths"]
    return [(method.upper(), path) for path in paths for method in paths[path] if not path.startswith("/uploads")]


@pytest.mark.parametrize(("method", "path"), operations())
def test_S9_whatever_is_sent_is_answered_as_described(
    described: schemathesis.BaseSchema, method: str, path: str
) -> None:
    operation = described[path][method]
    sent = operation.as_strategy()
    if list(operation.iter_parameters()) or operation.body:
        sent |= operation.as_strategy(GenerationMode.NEGATIVE)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=sent)
    def send(case: Case) -> None:
        for name in case.path_parameters or ():
            case.path_parameters[name] = real(method, path, name, case.path_parameters[name])
        answer = case.call()
        checks = CHECKS if answer.status_code == 413 else [*CHECKS, negative_data_rejection]
        case.validate_response(answer, checks=checks)

    send()


def real(method: str, path: str, name: str, value: object) -> object:
    """What stands in the place of a name that could be: so few of them are."""
    allowed = NAME if name in ("id", "name") else "[1-9][0-9]{0,8}"
    if path.startswith("/outbox") or not re.fullmatch(allowed, str(value)):
        return value
    if path.startswith("/nodes/"):
        return "n1"
    if (method, path) == ("DELETE", "/projects/{id}"):
        return "gone"
    return {"id": "v", "number": 1, "other": 1, "name": "p"}[name]
