"""The token of a screen: it may look at the wall, and do nothing else, however it is shown."""

import pytest
from starlette.testclient import TestClient

from schema.access import Role
from tests.integration.web.test_login import PATHS, Browser, browser, enter, logins, model, people  # noqa: F401
from webui.access.authenticator import Logins
from webui.access.tokens import Tokens
from webui.access.wall_screen import WallScreen

FURTHER = (
    "/api/v1/projects",
    "/api/v1/nodes",
    "/find",
    "/fleet",
    "/unsent",
    "/still",
    "/wall/x",
    "/at/0d/wall",
    "//wall",
)


@pytest.fixture
def token(logins: Logins) -> str:  # noqa: F811
    return logins.tokens.make("corridor", "corridor <c@token.invalid>", "wall")


@pytest.fixture
def screen(browser: Browser, token: str) -> TestClient:  # noqa: F811
    """A browser in which the address with the token was opened once."""
    opened = browser()
    answer = opened.get(f"/wall?token={token}", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/wall"
    kept = answer.headers["set-cookie"].lower()
    assert "path=/wall" in kept
    assert "httponly" in kept
    return opened


def test_P8_a_screen_sees_the_wall_without_anything_to_press(screen: TestClient) -> None:
    answer = screen.get("/wall")
    assert answer.status_code == 200
    for control in ("<form", "<button", "<input", "<a ", "csrf"):
        assert control not in answer.text
    assert "Waits for people" in answer.text
    assert answer.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize("path", [*PATHS, *FURTHER])
def test_P8_the_token_of_a_wall_opens_nothing_else(screen: TestClient, token: str, path: str) -> None:
    bearer = {"Authorization": f"Bearer {token}"}
    assert screen.get(path, headers=bearer, follow_redirects=False).status_code == 403
    named = {"cookie": "; ".join(f"{each.name}={each.value}" for each in screen.cookies.jar)}
    assert screen.get(path, headers={**named, "accept": "*/*"}, follow_redirects=False).status_code == 401
    assert screen.get(f"{path}?token={token}", headers={"accept": "*/*"}, follow_redirects=False).status_code == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_P8_the_token_of_a_wall_changes_nothing(screen: TestClient, token: str, method: str) -> None:
    assert screen.request(method, "/wall").status_code == 403
    assert screen.request(method, "/wall", headers={"Authorization": f"Bearer {token}"}).status_code == 403


def test_P8_a_token_that_was_removed_or_is_for_something_else_shows_no_wall(
    browser: Browser,  # noqa: F811
    screen: TestClient,
    logins: Logins,  # noqa: F811
) -> None:
    other = logins.tokens.make("nightly", "n <n@x.org>", Role.ADMIN)
    assert browser().get(f"/wall?token={other}").status_code == 401
    logins.tokens.remove("corridor")
    assert screen.get("/wall").status_code == 401
    assert browser().get("/wall", follow_redirects=False).headers["location"].startswith("/login")


def test_P8_the_cookie_of_a_token_that_ended_bars_nobody_who_has_logged_in(
    screen: TestClient,
    logins: Logins,  # noqa: F811
) -> None:
    logins.tokens.remove("corridor")
    enter(screen, "eve")
    assert screen.get("/wall").status_code == 200


def test_P8_an_address_that_ends_in_a_slash_is_the_walls_too(browser: Browser, token: str) -> None:  # noqa: F811
    answer = browser().get(f"/wall/?token={token}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/wall")


def test_P8_who_may_read_sees_the_wall_too(browser: Browser) -> None:  # noqa: F811
    reader = browser()
    enter(reader, "eve")
    assert reader.get("/wall").status_code == 200


def test_P8_a_cookie_of_another_page_on_the_host_is_none_of_ours(logins: Logins) -> None:  # noqa: F811
    tokens: Tokens = logins.tokens
    one, other = (WallScreen(tokens, secret, secure=False).cookie for secret in (b"one", b"other"))
    assert one != other
