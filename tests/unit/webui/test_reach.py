"""S7: what changes a program that has rights or secrets is for who may change pipelines."""

import pytest

from flow.model.snapshot import ProjectView
from schema.access import Role
from schema.pipeline import Pipeline
from schema.request import Request
from webui.access.reach import role_for


def definition(secrets: bool) -> Pipeline:
    stage = {"name": "detect", "image": "i", "command": ["x"], **({"secrets": ["TOKEN"]} if secrets else {})}
    after = {"name": "after", "image": "i", "command": ["x"]}
    return Pipeline.model_validate({"name": "p", "stages": [stage, after]})


IMAGE = {"request": "resume", "image": "other"}


@pytest.mark.parametrize(
    ("wish", "role"),
    [
        ({**IMAGE, "stage": "detect"}, Role.ADMIN),
        ({**IMAGE, "stage": "detect.2"}, Role.ADMIN),
        ({**IMAGE, "stage": "after"}, Role.OPERATOR),
        ({"request": "start", "env": {"A": "b"}}, Role.ADMIN),
        ({"request": "resume", "stage": "after", "env": {"A": "b"}}, Role.ADMIN),
        ({"request": "start", "stage": "detect"}, Role.OPERATOR),
    ],
)
@pytest.mark.parametrize("where", ["main", "the chain"])
def test_S7_who_may_ask_it(wish: dict[str, object], role: Role, where: str) -> None:
    """By what is on main, and by what the chain keeps, whatever main says by now."""
    plain, asking = definition(secrets=False), definition(secrets=True)
    pipeline, kept = (asking, plain) if where == "main" else (plain, asking)
    assert role_for(ProjectView("v", None, pipeline=pipeline, definition=kept), Request.model_validate(wish)) is role


def test_S7_where_no_stage_asks_for_anything_operators_may() -> None:
    view = ProjectView("v", None, pipeline=definition(secrets=False))
    for wish in ({**IMAGE, "stage": "detect"}, {"request": "start", "env": {"A": "b"}}):
        assert role_for(view, Request.model_validate(wish)) is Role.OPERATOR
