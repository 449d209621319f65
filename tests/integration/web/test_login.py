"""Logging in, and what each role may, on the page as a whole: every way in, not only the pages."""

import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from starlette.requests import Request
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from schema.access import Role
from tests.integration.web.conftest import AUTHOR, FILES, PIPELINE, Bench, made
from webui.access import hook_secret
from webui.access import users as stored
from webui.access.authenticator import OPEN, Logins
from webui.access.gate import Anyone
from webui.access.person import Person
from webui.access.sessions import Sessions
from webui.access.tokens import Tokens
from webui.access.users import Users
from webui.asgi.app import create_app
from webui.pages import login
from webui.site import Page

WORDS = "correct horse battery"
ROLES = "access: {admin: ['user:ada'], operator: ['user:bob'], reader: ['user:eve']}\n"
Browser = Callable[[], TestClient]
PATHS = (
    *("/", "/new", "/files", "/nodes", "/pipelines", "/history", "/projects/ulm", "/projects/ulm/settings"),
    *("/raw/pool/x", "/raw/projects/ulm/x", "/raw/executions/ulm/1/x", "/uploads", "/events", "/rows/ulm"),
    *("/at/0d/", "/projects/ulm/executions/1/log", "/projects/ulm/executions/1/log/raw", "/nowhere", "/metrics"),
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory, {**FILES, "winslow.yaml": f"schema: 1\n{ROLES}"})


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of four users, with passwords that cost nothing to check: how long that takes is told in each hash."""
    folder = tmp_path_factory.mktemp("people")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stored, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        for name in ("ada", "bob", "eve", "mallory"):
            Users(folder).put(name, f"{name}@example.org", name.title(), WORDS)
    return folder / "users.json"


@pytest.fixture
def logins(bench: Bench, people: Path) -> Logins:
    users = Users(bench.folder)
    shutil.copy(people, users.kept.path)

    def access():  # type: ignore[no-untyped-def]
        return bench.source.look().snapshot.settings.access

    return Logins(users, Tokens(bench.folder), Sessions(b"secret", 3600, bench.folder), access)


@pytest.fixture
def browser(bench: Bench, logins: Logins) -> Iterator[Browser]:
    """A browser of its own each time."""
    page = Page(bench.source, bench.outbox, lambda: AUTHOR, b"secret", bench.folder, logins=logins)
    app, opened = create_app(page), list[TestClient]()

    def fresh() -> TestClient:
        opened.append(TestClient(app, base_url="http://localhost", headers={"accept": "text/html"}))
        return opened[-1]

    yield fresh
    for each in opened:
        each.close()


def token_of(browser: TestClient, path: str) -> str:
    return browser.get(path).text.split('name="csrf_token" value="')[1].split('"')[0]


def enter(browser: TestClient, name: str, password: str = WORDS, next: str = "/"):  # type: ignore[no-untyped-def]
    form = {"name": name, "password": password, "next": next, "csrf_token": token_of(browser, "/login")}
    return browser.post("/login", data=form, follow_redirects=False)


@pytest.mark.parametrize("path", PATHS)
def test_S7_nothing_is_shown_to_who_has_not_logged_in(browser: Browser, path: str) -> None:
    answer = browser().get(path, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=")
    assert browser().get(path, headers={"accept": "*/*"}, follow_redirects=False).status_code == 401
    assert browser().post(path, headers={"accept": "*/*"}, follow_redirects=False).status_code == 401


def test_S7_each_route_of_the_page_is_behind_the_gate_or_known_to_be_open(bench: Bench, logins: Logins) -> None:
    page = Page(bench.source, bench.outbox, lambda: AUTHOR, b"secret", bench.folder, logins=logins)
    inner = create_app(page).app.app.app  # type: ignore[attr-defined]
    routes = {route.path for route in inner.routes if isinstance(route, Route | Mount)}
    let_in = {path for path in routes if isinstance(logins.person(_request(path)), Person)}
    assert let_in <= OPEN | {"/static", f"{hook_secret.TRIGGERS}/{{name}}"}
    assert len(routes - let_in) > 5


@pytest.mark.parametrize("header", ["Authorization", "X-Gitlab-Token"])
def test_S9_where_people_log_in_a_trigger_is_still_called_with_its_own_token(
    bench: Bench, browser: Browser, header: str
) -> None:
    bench.commit({"triggers/again.yaml": "hook: {}\nstart: {project: ulm}\n"})
    token = hook_secret.token_of(hook_secret.read(hook_secret.make(bench.folder)), "again")
    place, kind = f"{hook_secret.TRIGGERS}/again", "Bearer " if header == "Authorization" else ""
    assert browser().post(place, headers={header: f"{kind}{token}"}).status_code == 202
    assert browser().post(place, headers={header: f"{kind}x"}).status_code == 401
    assert browser().post(f"{place}/more", headers={header: f"{kind}{token}"}).status_code == 401


def _request(path: str) -> Request:
    return Request({"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []})


def test_S7_a_host_header_opens_no_door(browser: Browser) -> None:
    for host in ("localhost:80/login?", "localhost/login", "localhost:1/static/", "localhost#/login"):
        answer = browser().get("/projects/ulm", headers={"host": host}, follow_redirects=False)
        assert answer.status_code in (303, 421), host
    assert browser().get("/static/../projects/ulm", follow_redirects=False).status_code in (303, 404)


def test_S7_somebody_logs_in_is_named_in_commits_and_logs_out(bench: Bench, browser: Browser) -> None:
    here = browser()
    answer = enter(here, "bob", next="/projects/ulm")
    assert answer.headers["location"] == "/projects/ulm"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    form = {"request": "start", "csrf_token": token_of(here, "/projects/ulm")}
    assert here.post("/projects/ulm/requests", data=form, follow_redirects=False).status_code == 303
    [file] = bench.look().snapshot.projects["ulm"].unanswered
    assert file.by == "Bob <bob@example.org>"
    here.post("/logout", data={"csrf_token": token_of(here, "/projects/ulm")})
    assert here.get("/projects/ulm", follow_redirects=False).status_code == 303


def test_S7_a_wrong_password_and_an_unknown_name_are_told_alike(browser: Browser) -> None:
    answers = [enter(browser(), "ada", "wrong password"), enter(browser(), "nobody", "wrong password")]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert all("Wrong name or password" in answer.text for answer in answers)


def test_S7_guesses_are_limited(browser: Browser) -> None:
    here = browser()
    codes = [enter(here, "ada", f"guess number {n}").status_code for n in range(12)]
    assert codes == [401] * 10 + [429] * 2
    assert enter(here, "ada").status_code == 429, "also the right one, for a minute"
    assert enter(here, "bob").status_code == 303


@pytest.mark.parametrize(
    "next", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/a\r\nb"]
)
def test_S7_nobody_is_led_to_another_site(browser: Browser, next: str) -> None:
    assert enter(browser(), "ada", next=next).headers["location"] == "/"


def test_S7_a_reader_reads_an_operator_asks_and_an_admin_deletes(bench: Bench, browser: Browser) -> None:
    def status(name: str, path: str, **form: str) -> int:
        here = browser()
        enter(here, name)
        form["csrf_token"] = token_of(here, "/projects/ulm")
        return int(here.post(path, data=form, follow_redirects=False).status_code)

    ask, delete, save = {"request": "start"}, {"confirm": "ulm"}, {"text": PIPELINE, "comment": "x"}
    assert [status(who, "/projects/ulm/requests", **ask) for who in ("eve", "bob")] == [403, 303]
    assert [status(who, "/pipelines/p", **save) for who in ("eve", "bob", "ada")] == [403, 403, 303]
    assert [status(who, "/projects/ulm/delete", **delete) for who in ("eve", "bob")] == [403, 403]
    assert bench.look().snapshot.projects["ulm"].project
    assert status("ada", "/projects/ulm/delete", **delete) == 303


def test_S7_who_has_no_role_is_told_so_and_sees_nothing(browser: Browser) -> None:
    here = browser()
    enter(here, "mallory")
    answer = here.get("/")
    assert "gives you no role" in answer.text
    assert "user:mallory" in answer.text
    assert "Ulm crossing" not in answer.text


def test_S7_a_role_changes_with_the_repository_and_a_session_ends_with_the_user(
    bench: Bench, browser: Browser, logins: Logins
) -> None:
    here = browser()
    enter(here, "eve")
    assert here.get("/").status_code == 200
    bench.commit({"winslow.yaml": "schema: 1\naccess: {admin: ['user:ada']}\n"})
    assert "gives you no role" in here.get("/").text
    bench.commit({"winslow.yaml": f"schema: 1\n{ROLES}"})
    assert "Ulm crossing" in here.get("/").text
    logins.users.put("eve", "eve@example.org", "Eve", "another password")
    assert here.get("/", follow_redirects=False).status_code == 303, "the password changed"
    enter(here, "eve", "another password")
    assert here.get("/").status_code == 200
    logins.users.remove("eve")
    assert here.get("/", follow_redirects=False).status_code == 303


def test_S7_an_old_or_forged_session_is_none(bench: Bench, browser: Browser, logins: Logins) -> None:
    from webui.access.authenticator import claims_of

    forged = Sessions(b"another secret", 3600, bench.folder).give(claims_of(logins.users.all()["ada"]))
    here = browser()
    here.cookies.set(logins.cookie, forged)
    assert here.get("/", follow_redirects=False).status_code == 303
    here.cookies.set(logins.cookie, Sessions(b"secret", 3600, bench.folder).give(claims_of(logins.users.all()["ada"])))
    assert here.get("/", follow_redirects=False).status_code == 200


def test_S7_a_damaged_list_of_users_lets_nobody_in(bench: Bench, browser: Browser) -> None:
    here = browser()
    enter(here, "ada")
    (bench.folder / "users.json").write_text("{")
    assert here.get("/", follow_redirects=False).status_code == 503
    assert enter(browser(), "ada").status_code == 503


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
def test_S7_what_another_site_sends_is_turned_away_with_cookie_and_token(
    bench: Bench, browser: Browser, headers: dict[str, str]
) -> None:
    here = browser()
    enter(here, "ada")
    form = {"request": "start", "csrf_token": token_of(here, "/projects/ulm")}
    assert here.post("/projects/ulm/requests", data=form, headers=headers).status_code == 403
    assert here.post("/uploads", headers={**headers, "tus-resumable": "1.0.0"}).status_code == 403
    assert not bench.look().snapshot.projects["ulm"].unanswered


def test_S7_a_program_brings_a_token_and_has_its_role(bench: Bench, browser: Browser, logins: Logins) -> None:
    reading = {"authorization": f"Bearer {logins.tokens.make('r', 'R <r@x.org>', Role.READER)}"}
    asking = {"authorization": f"Bearer {logins.tokens.make('o', 'O <o@x.org>', Role.OPERATOR)}"}
    upload = {"tus-resumable": "1.0.0", "upload-length": "3", "upload-metadata": "where cG9vbDp4"}
    here = browser()
    assert here.get("/", headers=reading).status_code == 200
    assert here.post("/uploads", headers=reading | upload).status_code == 403
    assert here.post("/uploads", headers=asking | upload).status_code == 201
    wrong = here.get("/", headers={"authorization": "Bearer winslow_r_" + "A" * 43})
    assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, "Bearer")


def test_S7_the_api_takes_no_cookie(browser: Browser) -> None:
    here = browser()
    enter(here, "ada")
    assert here.get("/api/v1/projects").status_code == 401


def test_on_this_machine_alone_nobody_logs_in_until_there_is_a_user(bench: Bench) -> None:
    bench.commit({"winslow.yaml": "schema: 1\n"})
    users = Users(bench.folder / "web")
    logins = Logins(
        users, Tokens(bench.folder), Sessions(b"s", 60, bench.folder), lambda: None, anyone=Anyone(lambda: AUTHOR)
    )
    page = Page(bench.source, bench.outbox, lambda: AUTHOR, b"secret", bench.folder, logins=logins)
    with TestClient(create_app(page), base_url="http://localhost", headers={"accept": "text/html"}) as here:
        assert here.get("/", follow_redirects=False).status_code == 200
        assert here.get("/login", follow_redirects=False).headers["location"] == "/"
        users.put("ada", "ada@example.org", "", WORDS)
        assert here.get("/", follow_redirects=False).status_code == 303
        assert enter(here, "ada").status_code == 303
        assert "Ulm crossing" in here.get("/").text, "without `access` this machine's users are operators"
        users.remove("ada")
        assert here.get("/", follow_redirects=False).status_code == 303, "removing the last one opens no door"


def test_a_part_of_a_page_is_told_where_to_log_in(browser: Browser) -> None:
    answer = browser().get("/rows/ulm", headers={"hx-request": "true", "accept": "*/*"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/logout"), ("GET", "/hooks/git"), ("PUT", "/login"), ("POST", "/login"), ("GET", "/readyz")],
)
def test_S7_what_is_open_shows_nothing_of_the_repository(
    bench: Bench, browser: Browser, method: str, path: str
) -> None:
    away = bench.remote.with_name("away.git")
    bench.remote.rename(away)
    bench.outbox.drain("secret-gpu", True, "", AUTHOR)
    look = bench.source.look().snapshot
    text = browser().request(method, path).text
    assert "secret-gpu" not in text
    assert look.main[:12] not in text
    assert look.state[:12] not in text


def test_S7_guesses_are_limited_for_a_name_wherever_they_come_from(browser: Browser) -> None:
    for number in range(100):
        login._attempts.hit(login.FAILED, "ada")
        assert number < 100
    assert enter(browser(), "ada").status_code == 429
    assert enter(browser(), "bob").status_code == 303


def test_S7_an_open_stream_ends_with_the_right_to_it(browser: Browser, logins: Logins) -> None:
    from webui.access.person import KEY, STILL, still

    here = browser()
    enter(here, "eve")
    scope = {"type": "http", "method": "GET", "path": "/events", "query_string": b"",
             "headers": [(b"cookie", f"{logins.cookie}={here.cookies[logins.cookie]}".encode())]}  # fmt: skip
    request = Request(scope)
    scope |= {KEY: logins.person(request), STILL: lambda: isinstance(logins.person(request), Person)}
    assert still(scope)
    logins.users.remove("eve")
    assert not still(scope)


def test_S7_replacing_a_file_needs_an_admin_and_a_project_that_is_not_there_gets_none(
    bench: Bench, browser: Browser, logins: Logins
) -> None:
    def put(role: Role, where: str, *more: str) -> int:
        token = logins.tokens.make(f"t{len(logins.tokens.all())}", "T <t@x.org>", role)
        told = ",".join([f"where {b64encode(where.encode()).decode()}", *more])
        headers = {"authorization": f"Bearer {token}", "tus-resumable": "1.0.0", "upload-length": "0"}
        return int(browser().post("/uploads", headers=headers | {"upload-metadata": told}).status_code)

    replace = f"replace {b64encode(b'true').decode()}"
    assert put(Role.OPERATOR, "pool:x") == 201
    assert put(Role.OPERATOR, "pool:x", replace) == 403
    assert put(Role.ADMIN, "pool:x", replace) == 201
    assert put(Role.ADMIN, "nosuch:x/y") == 404
    assert not (bench.folder / "projects" / "nosuch").exists()


def test_S7_who_sends_slowly_keeps_nobody_waiting(browser: Browser) -> None:
    """The body is read before a thread is taken: ten times as many as there are threads."""
    import anyio

    from webui.asgi.body_limit import Whole

    served = []

    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        served.append((await receive())["body"])

    async def main() -> None:
        sent: list[dict[str, object]] = []

        async def never():  # type: ignore[no-untyped-def]
            await anyio.sleep_forever()

        async def send(message):  # type: ignore[no-untyped-def]
            sent.append(message)

        scope = {"type": "http", "method": "POST", "headers": []}
        whole = Whole(app, largest=8, patience=0.05)
        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(whole, scope, never, send)
        assert [each["status"] for each in sent if each["type"] == "http.response.start"] == [408] * 100

        async def large():  # type: ignore[no-untyped-def]
            return {"type": "http.request", "body": b"123456789", "more_body": False}

        await whole(scope, large, send)
        assert sent[-2]["status"] == 413

    with ThreadPoolExecutor(1) as pool:  # a browser of another test may have a loop of its own in this thread
        pool.submit(anyio.run, main).result()
    assert served == []


def test_S7_two_pages_on_one_host_leave_each_others_cookies_alone(bench: Bench, browser: Browser) -> None:
    """A browser keeps cookies by host, whatever the port."""
    other_logins = Logins(
        Users(bench.folder), Tokens(bench.folder), Sessions(b"other", 3600, bench.folder), lambda: None
    )
    page = Page(bench.source, bench.outbox, lambda: AUTHOR, b"other", bench.folder, logins=other_logins)
    here = browser()
    assert enter(here, "bob").status_code == 303
    with TestClient(create_app(page), base_url="http://localhost", headers={"accept": "text/html"}) as other:
        other.cookies.update(here.cookies)
        assert other.get("/", follow_redirects=False).status_code == 303, "and are none for another"
        assert enter(other, "ada").status_code == 303
        here.cookies.update(other.cookies)
    form = {"request": "start", "csrf_token": token_of(here, "/projects/ulm")}
    assert here.post("/projects/ulm/requests", data=form, follow_redirects=False).status_code == 303
    assert here.get("/", follow_redirects=False).status_code == 200


def test_S7_by_https_a_cookie_is_of_this_host_alone(logins: Logins) -> None:
    assert replace(logins, secure=True).cookie == f"__Host-{logins.cookie}"


def test_S7_nothing_of_what_was_seen_stays_in_a_browser(bench: Bench, browser: Browser, logins: Logins) -> None:
    here = browser()
    assert here.get("/login").headers["cache-control"] == "private, no-cache"
    enter(here, "bob")
    for path in ("/", "/projects/ulm", "/rows/ulm", "/nowhere"):
        assert here.get(path).headers["cache-control"] == "private, no-store", path
    asset = here.get("/static/winslow.css")
    assert asset.headers["cache-control"] == "no-cache", "asked for by its tag"
    again = here.get("/static/winslow.css", headers={"if-none-match": asset.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    (bench.folder / "pool").mkdir()
    (bench.folder / "pool" / "a.txt").write_text("a")
    assert here.get("/raw/pool/a.txt").headers["cache-control"] == "private, no-store"
    program = {"authorization": f"Bearer {logins.tokens.make('r', 'R <r@x.org>', Role.READER)}"}
    assert "no-store" in browser().get("/api/v1/projects", headers=program).headers["cache-control"]


def test_a_form_that_was_sent_after_the_session_ended_keeps_what_was_typed(browser: Browser) -> None:
    here = browser()
    enter(here, "bob")
    form = {"request": "start", "comment": "drift & <more>", "csrf_token": token_of(here, "/projects/ulm")}
    here.cookies.clear()
    answer = here.post("/projects/ulm/requests", data=form, follow_redirects=False)
    assert answer.status_code == 401
    assert 'action="/projects/ulm/requests"' in answer.text
    assert 'name="comment" value="drift &amp; &lt;more&gt;"' in answer.text
    plain = here.post("/projects/ulm/requests", data=form, headers={"accept": "*/*"}, follow_redirects=False)
    assert plain.status_code == 401
    assert "drift" not in plain.text


def test_who_is_turned_away_sees_a_page_and_a_program_a_line(browser: Browser) -> None:
    here = browser()
    for answer in (
        here.get("/", headers={"host": "elsewhere.lan"}),
        here.post("/projects/ulm/requests", headers={"origin": "https://evil.example"}),
        here.post("/projects/ulm/requests"),
    ):
        assert answer.status_code in (401, 403, 421)
        assert answer.text.startswith("<!doctype html>")
        assert "<h1>" in answer.text
    line = here.get("/", headers={"host": "elsewhere.lan", "accept": "*/*"})
    assert line.headers["content-type"].startswith("text/plain")
    assert "'elsewhere.lan'" in line.text
    assert "hosts:" in line.text


def test_a_proxy_may_look_whether_the_page_is_there_under_any_host(browser: Browser) -> None:
    assert browser().get("/healthz", headers={"host": "10.0.0.7"}).status_code == 200
    assert browser().get("/readyz", headers={"host": "10.0.0.7"}).status_code == 421
