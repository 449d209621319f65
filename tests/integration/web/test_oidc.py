"""Logging in by a provider: the whole way there and back, and each way in which it must not work."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient

from state.transport import credentials
from tests.integration.web.conftest import AUTHOR, Bench
from tests.integration.web.provider import CLIENT, SECRET, Provider, provider
from tests.servers.doors import certificate
from webui.access.authenticator import Logins
from webui.access.config import Oidc, PageConfig
from webui.access.sessions import Sessions
from webui.access.tokens import Tokens
from webui.access.users import Users
from webui.asgi.app import create_app
from webui.site import Page

ADA = {
    "name": "Ada Lovelace", "preferred_username": "ada", "email": "ada@example.org", "email_verified": True,
    "groups": ["lab", "lab/traffic"],
}  # fmt: skip
ROLES = "schema: 1\naccess: {admin: ['ada@example.org'], operator: ['group:lab'], reader: []}\n"


def oidc(issuer: str, folder: Path) -> Oidc:
    file = folder / "client-secret"
    file.write_text(f"{SECRET}\n")
    return Oidc(issuer=issuer, client_id=CLIENT, client_secret_file=str(file))


@dataclass
class Door:
    provider: Provider
    here: TestClient

    def through(self, next: str = "/projects/ulm"):  # type: ignore[no-untyped-def]
        """As a browser goes: to the provider, and back with what it gave."""
        sent = self.here.get(f"/login/oidc?next={next}", follow_redirects=False)
        assert sent.status_code == 302
        back = httpx.get(sent.headers["location"], follow_redirects=False, verify=False).headers["location"]
        assert back.startswith("http://localhost/login/back?")
        return self.here.get(f"/login/back?{urlsplit(back).query}", follow_redirects=False)


@pytest.fixture
def certificates(tmp_path: Path) -> Path | None:
    return None


@pytest.fixture
def door(bench: Bench, certificates: Path | None) -> Iterator[Door]:
    with provider(certificates) as found:
        found.person = dict(ADA)
        config = PageConfig(url="http://localhost", oidc=oidc(found.issuer, bench.folder))
        bench.commit({"winslow.yaml": ROLES})
        logins = Logins(
            Users(bench.folder), Tokens(bench.folder), Sessions(b"secret", 3600, bench.folder),
            lambda: bench.source.look().snapshot.settings.access,
        )  # fmt: skip
        page = Page(bench.source, bench.outbox, lambda: AUTHOR, b"secret", bench.folder, logins=logins, config=config)
        with TestClient(create_app(page), base_url="http://localhost", headers={"accept": "text/html"}) as here:
            yield Door(found, here)


def test_S7_a_person_logs_in_by_the_provider_and_is_the_author(bench: Bench, door: Door) -> None:
    assert "Log in with GitLab" in door.here.get("/login").text
    answer = door.through()
    assert (answer.status_code, answer.headers["location"]) == (303, "/projects/ulm")
    shown = door.here.get("/projects/ulm").text
    assert "Ada Lovelace &lt;ada@example.org&gt;, admin" in shown
    form = {"request": "start", "csrf_token": shown.split('name="csrf_token" value="')[1].split('"')[0]}
    door.here.post("/projects/ulm/requests", data=form)
    [file] = bench.look().snapshot.projects["ulm"].unanswered
    assert file.by == "Ada Lovelace <ada@example.org>"


class TestACertificateOfItsOwn:
    """As a lab's GitLab has one, signed by nobody whom this machine trusts by itself."""

    @pytest.fixture
    def certificates(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        for name in (*credentials.BY_REQUESTS, *credentials.AUTHORITIES, "GIT_SSL_CAINFO"):
            monkeypatch.delenv(name, raising=False)
        (tmp_path / "tls").mkdir()
        return certificate(tmp_path / "tls").parent

    @pytest.mark.parametrize("name", ["GIT_SSL_CAINFO", *credentials.AUTHORITIES])
    def test_B7_what_is_set_for_git_or_python_is_trusted(
        self, door: Door, certificates: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        said = door.here.get("/login/oidc").text
        assert "the certificate of GitLab is not trusted here: the file that SSL_CERT_FILE names" in said
        monkeypatch.setenv(name, str(certificates / "cert.pem"))
        credentials.trust_alike()
        assert door.through().status_code == 303


@pytest.mark.parametrize(
    ("change", "role"),
    [
        ({"email_verified": False}, "operator"),
        ({"email_verified": None}, "operator"),
        ({"email_verified": "true"}, "operator"),
        ({"email": "eve@example.org"}, "operator"),
        ({"email": "eve@example.org", "groups": ["laboratory"]}, ""),
        ({"email": "eve@example.org", "groups": "lab"}, ""),
        ({"email": "eve@example.org", "groups": 7}, ""),
        ({"email": "group:lab/x@evil.example", "groups": []}, ""),
        ({"email": "user:ada", "groups": []}, ""),
        ({"email": "eve@example.org", "groups": [{"name": "lab"}, None, 7]}, ""),
    ],
)
def test_S7_only_a_verified_address_and_real_groups_give_a_role(
    door: Door, change: dict[str, object], role: str
) -> None:
    door.provider.person |= change
    door.through()
    text = door.here.get("/").text
    assert (f", {role}" in text) if role else ("gives you no role" in text)


@pytest.mark.parametrize(
    "lie", [{"nonce": "another"}, {"aud": "another"}, {"iss": "http://evil"}, {"exp": 1}, {"sub": "8"}]
)
def test_S7_an_id_token_for_somebody_else_lets_nobody_in(door: Door, lie: dict[str, object]) -> None:
    door.provider.lie = lie
    assert door.through().status_code == 502
    assert door.here.get("/", follow_redirects=False).status_code == 303


def test_S7_who_did_not_ask_is_not_let_in_by_an_answer(door: Door) -> None:
    sent = door.here.get("/login/oidc", follow_redirects=False)
    back = httpx.get(sent.headers["location"], follow_redirects=False).headers["location"]
    door.here.cookies.clear()
    assert door.here.get(f"/login/back?{urlsplit(back).query}", follow_redirects=False).status_code == 502
    assert door.here.get("/login/back?error=access_denied&state=x", follow_redirects=False).status_code == 502
    assert door.here.get("/login/back", follow_redirects=False).status_code == 502


def test_a_provider_may_change_its_keys(door: Door) -> None:
    assert door.through().status_code == 303
    door.provider.key = type(door.provider.key).generate_key(2048, {"kid": "other", "use": "sig", "alg": "RS256"})
    assert door.through().status_code == 303


def test_S7_a_token_that_the_provider_did_not_sign_lets_nobody_in(door: Door) -> None:
    forged = type(door.provider.key).generate_key(2048, {"kid": "k", "use": "sig", "alg": "RS256"})
    door.provider.signing = forged
    assert door.through().status_code == 502
    assert door.here.get("/", follow_redirects=False).status_code == 303


def test_a_provider_that_does_not_answer_is_told_in_a_sentence(bench: Bench) -> None:
    config = PageConfig(url="http://localhost", oidc=oidc("http://127.0.0.1:1", bench.folder))
    logins = Logins(Users(bench.folder), Tokens(bench.folder), Sessions(b"secret", 3600, bench.folder), lambda: None)
    page = Page(bench.source, bench.outbox, lambda: AUTHOR, b"secret", bench.folder, logins=logins, config=config)
    with TestClient(create_app(page), base_url="http://localhost") as here:
        answer = here.get("/login/oidc", follow_redirects=False)
    assert answer.status_code == 502
    assert "did not answer as it should" in answer.text


def test_evil_claims_make_no_author_and_no_element(bench: Bench, door: Door) -> None:
    door.provider.person |= {"name": "Eve <x@y>\n<script>alert(1)</script>", "groups": ["lab"]}
    door.through()
    text = door.here.get("/").text
    assert "<script>alert" not in text
    assert "Evexy" not in text


def test_S7_of_a_great_many_groups_the_one_that_gives_a_role_is_kept(door: Door) -> None:
    many = [f"university/faculty-of-engineering/department-{n}/group-{n:04}" for n in range(400)]
    door.provider.person |= {"email": "eve@example.org", "groups": [*many, "lab/traffic"]}
    door.through()
    assert ", operator" in door.here.get("/").text


def test_logins_that_were_begun_and_never_ended_do_not_fill_the_cookie(door: Door) -> None:
    for _ in range(30):
        assert door.here.get("/login/oidc", follow_redirects=False).status_code == 302
    assert sum(len(each.value or "") for each in door.here.cookies.jar) < 3000
    assert door.through().status_code == 303


def test_S8_what_an_answer_says_is_shown_only_to_who_was_sent_there(door: Door) -> None:
    forged = door.here.get("/login/back?error=x&error_description=Call+0800-EVIL&state=made-up", follow_redirects=False)
    assert forged.status_code == 502
    assert "EVIL" not in forged.text
    assert "not begun in this browser" in forged.text


def test_who_cancels_at_the_provider_is_told_so(door: Door) -> None:
    sent = door.here.get("/login/oidc", follow_redirects=False).headers["location"]
    state = dict(parse_qsl(urlsplit(sent).query))["state"]
    back = door.here.get(f"/login/back?error=access_denied&error_description=CSRF+Warning!&state={state}")
    assert "cancelled" in back.text
    assert "CSRF" not in back.text


def test_the_login_leads_on_who_is_logged_in_and_has_a_role(door: Door) -> None:
    door.through()
    answer = door.here.get("/login?next=/projects/ulm", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/projects/ulm")
