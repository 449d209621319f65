"""A program starts what a trigger says, with the token of that trigger, and once for each delivery."""

from collections.abc import Iterator

import pytest

from tests.integration.web.conftest import Bench
from webui.access import hook_secret

TRIGGERS = {
    "triggers/delivered.yaml": """
hook: {inputs: [threshold, run]}
create: {pipeline: p, name: "Run $[[ hook.run ]]", inputs: {threshold: "$[[ hook.threshold ]]"}}
""",
    "triggers/again.yaml": "hook: {}\nstart: {project: ulm, comment: asked for}\n",
    "triggers/nightly.yaml": "schedule: {cron: '0 3 * * *'}\nstart: {project: ulm}\n",
}


@pytest.fixture
def here(bench: Bench) -> Iterator[Bench]:
    bench.commit(dict(TRIGGERS))
    return bench


def call(here: Bench, name: str, body: object = None, token: str = "", key: str = "") -> tuple[int, dict[str, str]]:
    secret = hook_secret.read(hook_secret.make(here.folder))
    headers = {"Authorization": f"Bearer {token or hook_secret.token_of(secret, name)}"}
    headers |= {"Idempotency-Key": key} if key else {}
    answer = here.browser.post(f"{hook_secret.TRIGGERS}/{name}", json=body, headers=headers)
    here.look()
    return answer.status_code, answer.json()


def test_G8_a_call_makes_what_the_trigger_says_once_for_each_delivery(here: Bench) -> None:
    code, told = call(here, "delivered", {"threshold": 0.25, "run": "12 <b>", "other": "x"}, key="D-1")
    assert code == 202, told
    assert told["state"].startswith("committed ")
    [view] = [view for id, view in here.look().snapshot.projects.items() if id.startswith("delivered-")]
    assert view.project
    assert (view.project.name, view.project.inputs) == ("Run 12 <b>", {"threshold": 0.25})
    assert call(here, "delivered", {"threshold": 0.5, "run": "13"}, key="D-1") == (
        202,
        {**told, "state": "made before"},
    )
    assert call(here, "again")[0] == call(here, "again")[0] == 202
    assert len(here.look().snapshot.projects["ulm"].unanswered) == 2
    assert here.look().snapshot.projects["ulm"].unanswered[0].by.startswith("trigger again ")


def test_S9_whoever_lacks_the_token_of_this_trigger_starts_nothing(here: Bench) -> None:
    secret = hook_secret.read(hook_secret.make(here.folder))
    for name in ("again", "nightly", "none"):
        for token in ("x", secret, hook_secret.token_of(secret, "other"), hook_secret.token_of(secret, "delivered")):
            assert call(here, name, token=token)[0] == 401
    assert here.browser.post(f"{hook_secret.TRIGGERS}/again").status_code == 401
    assert here.look().snapshot.projects["ulm"].unanswered == ()


def test_what_cannot_be_made_of_a_call_is_told(here: Bench) -> None:
    assert call(here, "nightly")[0] == call(here, "none")[0] == 404
    assert "at most 1 is wanted" in call(here, "delivered", {"threshold": 7})[1]["error"]
    assert call(here, "delivered", [1])[0] == 400
    assert call(here, "delivered", {"run": "x" * 70_000})[0] == 413
    assert call(here, "delivered", {"threshold": [1], "run": {"a": 1}})[0] == 422


def test_a_call_while_the_server_is_away_is_kept_and_sent(here: Bench) -> None:
    (here.remote / "HEAD").rename(here.folder / "HEAD")
    code, told = call(here, "again", key="D-2")
    assert (code, told["state"]) == (202, "waits until the server answers")
    (here.folder / "HEAD").rename(here.remote / "HEAD")
    here.outbox.send_all()
    assert [file.name for file in here.look().snapshot.projects["ulm"].unanswered] == ["start-again-d-2.yaml"]
